"""A little web for the examples: two feeds, one behind a redirect, a page that is another one each time, and a model."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Example</title>
<item><guid>1</guid><title>First &amp; best</title><link>https://example.com/1</link>
<description>&lt;p&gt;One sentence. Another one! A third.&lt;/p&gt;</description></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Atomic</title>
<entry><id>urn:2</id><title>Second</title><link href="https://example.com/2"/><summary>Short.</summary></entry>
</feed>"""

PAGE = """<!doctype html><title>Counter</title><style>p { color: red }</style><p>visit {}</p><script>1 < 2</script>"""

visits = count(1)


class Web(BaseHTTPRequestHandler):
    def do_GET(self):
        match self.path:
            case "/rss":
                self.answer(200, RSS)
            case "/moved":
                self.answer(302, "", location="/atom")
            case "/atom":
                self.answer(200, ATOM)
            case "/broken":
                self.answer(200, "<rss>")
            case "/counter":
                self.answer(200, PAGE.replace("{}", str(next(visits))))
            case _:
                self.answer(404, "")

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = request["messages"][-1]["content"].splitlines()
        message = {"role": "assistant", "content": f"There are {len(said)} entries."}
        usage = {"prompt_tokens": 7, "completion_tokens": 5}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.answer(200, json.dumps({"model": "small", "choices": [choice], "usage": usage}))

    def answer(self, status, text, **headers):
        self.send_response(status)
        for name, value in {"content-length": str(len(text.encode())), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
