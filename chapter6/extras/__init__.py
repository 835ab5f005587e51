"""练习与拓展: what the course's learners study beside the chapter; each lesson is run by its name."""
