"""What time does to stock: holds expire, snapshots go out."""
