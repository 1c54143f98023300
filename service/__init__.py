"""The work behind the page, for many people at once: workspaces, job queue, previews, shares."""
