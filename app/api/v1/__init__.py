"""Version 1 of the public interface, one module per resource."""
