"""The pages, a module each. They return to the hub and never to one another."""
