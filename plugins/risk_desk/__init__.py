"""The page of the desk in Airflow's UI: who may look and write, and where the pages are."""
