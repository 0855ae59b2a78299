"""What public libraries do, as tables: one a concept, each entry with the versions it holds for and its source."""
