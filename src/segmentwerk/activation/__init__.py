"""From segments to measures: priorities, playbook, offers, hold-outs, sinks and the ledger."""
