"""What people and programs see: pages, the API, live events, the door of the mesh.

The law of this package:

- One table (``routes.table``) makes the aiohttp routes, the OpenAPI document and
  their tests. A handler is: read what was asked, one call of ``Service``, answer.
  No SQL and no rules of judging here.
- Who may call a route stands in the table and is enforced in one wrapper
  (``app.guarded``). There is a bearer token (``admin.token``) for programs and a
  session in the database, known by a cookie, for people. Access codes are never
  taken from a URL.
- One middleware (``errors``) turns what is raised into an answer: a problem
  document (RFC 9457) for programs, a page for people. What nobody foresaw is a 500
  with an id; the rest of it stands in the log, once.
- One middleware (``guard``) checks Host, Origin and size, and sets the headers.
- Everything that a target, a worker or a person says is text and is never markup.
"""
