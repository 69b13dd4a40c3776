"""What a finished run can do: answer, explain itself, be put to the test, be served and leave the house."""
