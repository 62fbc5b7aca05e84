"""Inventory: stock by location, its reservations, and the warehouse that picks, packs and hands over."""
