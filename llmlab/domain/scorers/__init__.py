"""What judges an answer: each scorer reads an item and an answer and says what came of it."""
