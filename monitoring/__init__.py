"""What a worker tells of itself: metrics, health, and the HTTP door to both."""
