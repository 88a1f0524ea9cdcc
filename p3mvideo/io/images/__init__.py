"""Still images, animations and numbered image sequences."""
