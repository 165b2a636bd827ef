"""The bus to web front ends: Server-Sent Events, REST and a page."""
