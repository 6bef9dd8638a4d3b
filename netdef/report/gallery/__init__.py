"""Pictures of what a trained net sees, knows and answers."""
