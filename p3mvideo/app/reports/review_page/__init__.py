"""`NAME.review.html`: a page to judge an anonymized recording by, and to correct it."""
