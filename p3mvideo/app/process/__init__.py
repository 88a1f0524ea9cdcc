"""What `p3mvideo process` does: mattes of files, and the files with another background."""
