"""From a source to the tables that segmenters learn from and are judged on."""
