"""证学 Zhengxue: third-party supervision of subsidised online vocational training."""

VERSION = "0.1.0"
