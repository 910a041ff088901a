// nodemailer with a pool of five connections; the words are ready, which favours it. Mail and people come as JSON on standard input.
const { createTransport } = require("nodemailer");

const POOL = 5;
const { port, subject, text, html, people } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const pool = createTransport({ pool: true, maxConnections: POOL, maxMessages: Infinity, host: "127.0.0.1", port, ignoreTLS: true });
const left = people.entries();

async function send() {
  for (const [number, to] of left) {
    const unsubscribe = `https://news.example.com/t/${number}/u`;
    const headers = { "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" };
    await pool.sendMail({ from: "Acme News <news@example.com>", to, subject, text, html, headers, list: { unsubscribe } });
  }
}

Promise.all(Array.from({ length: POOL * 4 }, send)).then(() => pool.close());
