"""Playing a lesson: sessions, heartbeats, what they earn and why some seconds earn nothing."""
