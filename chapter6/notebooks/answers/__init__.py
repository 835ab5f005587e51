"""Answers in code to the book's exercises (动手练习) and questions (思考题); the notebooks quote them, folded."""
