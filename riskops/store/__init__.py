"""The risk database: tables, migrations, and the classes that read and write them."""
