"""The code that travels in every saved model, and runs there without the rest of the project."""
