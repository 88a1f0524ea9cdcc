"""What a person corrects by hand: faces, mattes, and which people stay."""
