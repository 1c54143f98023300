"""Named endpoints for `gradio_client`, other programs and MCP."""
