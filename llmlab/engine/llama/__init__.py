"""What runs inside the engine process: the only code that touches llama.cpp."""
