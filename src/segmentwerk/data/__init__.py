"""Raw tables in, checked tables out."""
