"""What the orders service accepts and answers."""
