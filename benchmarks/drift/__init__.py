"""What is promised of drift, measured on labelled series; each module here adds its tables."""
