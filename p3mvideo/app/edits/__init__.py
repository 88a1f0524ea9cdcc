"""What a person corrects by hand: faces and mattes."""
