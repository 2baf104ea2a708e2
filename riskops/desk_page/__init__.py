"""The desk's page: what risk managers look at in the browser, and what they write there.

`reading` reads the record, the modules named after a page arrange it, `render` turns it into HTML that
needs no script and nothing from elsewhere. `writing` turns forms into verbs. Airflow is not known here:
`plugins/risk_desk` serves the pages, and says who looks.
"""
