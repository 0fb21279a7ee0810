/** `/v1/docs/verify`: how an auditor checks all of this with tools that this project did not write. */
import { html } from 'hono/html'
import type { App } from '../app.ts'

interface Step {
  title: string
  text: string
  commands: string
}

/** Bytes of the DER (RFC 8410) before the 32 bytes of an Ed25519 key, for printf. */
const DER = String.raw`\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00`

const STEPS: readonly Step[] = [
  {
    title: 'Say what is to be checked',
    text: "NODE is the address of the coordinator, VKEY its verifier key from a source that you trust (a contract, a letter: not this page), SITE a member. KEY, an auditor's key, is needed for the last step alone.",
    commands: String.raw`: "$NODE" "$VKEY" "$SITE" "$KEY"
NETWORK=$(printf %s "$VKEY" | cut -d+ -f1)`,
  },
  {
    title: 'Make the keys readable for OpenSSL',
    text: 'A verifier key (C2SP signed-note) is a name, an id and, in base64, one byte of type and 32 bytes of an Ed25519 key.',
    commands: String.raw`pem() { { printf '${DER}'; printf %s "$1" | cut -d+ -f3- | base64 -d | tail -c 32; } |
  openssl pkey -pubin -inform DER -out "$2"; }
pem "$VKEY" coordinator.pem`,
  },
  {
    title: "Check the signature on the coordinator's log",
    text: 'A checkpoint (C2SP tlog-checkpoint) is a signed note: name of the log, size, root. The signature covers the text above the blank line; four bytes before it say which key has signed.',
    commands: String.raw`curl -fsS --retry 5 "$NODE/log/$NETWORK/checkpoint" -o checkpoint
sed '/^$/,$d' checkpoint > text
grep "^— $NETWORK " checkpoint | cut -d' ' -f3 | base64 -d | tail -c +5 > signature
openssl pkeyutl -verify -pubin -inkey coordinator.pem -rawin -in text -sigfile signature`,
  },
  {
    title: 'Check the signature on the log of a site',
    text: "The directory repeats the keys that stand in the entries of the coordinator's log. A program that reads these entries (deterministic CBOR, type admit) needs no directory.",
    commands: String.raw`curl -fsS --retry 5 "$NODE/v1/directory" -o directory.json
key_of() { tr '"' '\n' < directory.json | grep -F "$1+"; }
pem "$(key_of "$NETWORK/$SITE")" site.pem
curl -fsS --retry 5 "$NODE/log/$NETWORK/$SITE/checkpoint" -o checkpoint
sed '/^$/,$d' checkpoint > text
grep "^— $NETWORK/$SITE " checkpoint | cut -d' ' -f3 | base64 -d | tail -c +5 > signature
openssl pkeyutl -verify -pubin -inkey site.pem -rawin -in text -sigfile signature`,
  },
  {
    title: 'Check a receipt',
    text: 'A receipt is a cosignature (C2SP tlog-cosignature, cosignature/v1): eight bytes of time, then a signature over that time and the text of the checkpoint. Here it is the one that the site itself has given; the receipts of others are the other lines.',
    commands: String.raw`pem "$(key_of "$NETWORK/$SITE/witness")" witness.pem
grep "^— $NETWORK/$SITE/witness " checkpoint | cut -d' ' -f3 | base64 -d | tail -c +5 > cosignature
TIME=$((0x$(head -c 8 cosignature | od -An -v -tx1 | tr -d ' \n')))
{ printf 'cosignature/v1\ntime %d\n' "$TIME"; cat text; } > message
tail -c 64 cosignature > signature
openssl pkeyutl -verify -pubin -inkey witness.pem -rawin -in message -sigfile signature
date -u -d "@$TIME"`,
  },
  {
    title: 'Check that an entry is a leaf of the tree',
    text: 'Entries and hashes are in tiles (C2SP tlog-tiles). A leaf is the SHA-256 of a zero byte and the entry (RFC 6962). From the hashes to the root it is a proof of inclusion, for which there are programs: golang.org/x/mod/sumdb/tlog, filippo.io/torchwood, and every other that reads C2SP tlog-tiles.',
    commands: String.raw`SIZE=$(sed -n 2p text)
PART=$([ "$SIZE" -ge 256 ] || printf .p/%d "$SIZE")
curl -fsS --retry 5 "$NODE/log/$NETWORK/$SITE/tile/entries/000$PART" -o bundle
curl -fsS --retry 5 "$NODE/log/$NETWORK/$SITE/tile/0/000$PART" -o hashes
LENGTH=$((0x$(head -c 2 bundle | od -An -v -tx1 | tr -d ' \n')))
LEAF=$({ printf '\0'; dd if=bundle bs=1 skip=2 count="$LENGTH" status=none; } | sha256sum | cut -d' ' -f1)
HASH=$(head -c 32 hashes | od -An -v -tx1 | tr -d ' \n')
[ "$LEAF" = "$HASH" ] && echo "entry 0 is the leaf $LEAF"`,
  },
  {
    title: 'Check an archive of evidence',
    text: 'It is a tar file. Its manifest names each file with SHA-256 and size; the note at its end signs the last part of the manifest. Each .checkpoint with the last .policy before it is what tools for C2SP tlog-policy take: the policy names everybody who had to sign. The entries between checkpoints, and how their root follows, are described in section "Archives of evidence" of the protocol; dpn verify does it all.',
    commands: String.raw`curl -fsS --retry 5 -H "Authorization: Bearer $KEY" "$NODE/v1/evidence?site=$SITE" -o evidence.tar
mkdir evidence && tar -xf evidence.tar -C evidence && cd evidence
cat manifest/* | awk '{ print $1 "  " $3 }' | sha256sum --check --quiet
[ "$(cat "$(ls -d manifest/* | tail -n 1)" | openssl dgst -sha256 -binary | base64)" = "$(sed -n 's/^manifest //p' manifest.note)" ]
sed '/^$/,$d' manifest.note > ../text
grep "^— $NETWORK " manifest.note | cut -d' ' -f3 | base64 -d | tail -c +5 > ../signature
openssl pkeyutl -verify -pubin -inkey ../coordinator.pem -rawin -in ../text -sigfile ../signature`,
  },
]

function page() {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>How to check this coordinator</title>
        <link rel="stylesheet" href="/v1/docs.css" />
      </head>
      <body>
        <h1>How to check this coordinator</h1>
        <p>
          Nothing here has to be believed. Logs, signatures and proofs are in public formats (C2SP,
          RFC 6962, RFC 8032), so that they can be checked with programs that others wrote. These
          steps need no more than bash, curl, OpenSSL 3, GNU coreutils, awk and tar. A command that
          fails is a check that failed.
        </p>
        <p>
          What is shown in this way is who has signed what, and when: <em>receipt received</em> at a
          time. No log can show that bytes are gone.
        </p>
        ${STEPS.map(
          ({ title, text, commands }, at) =>
            html`<h2>${at + 1}. ${title}</h2>
              <p>${text}</p>
              <pre><code>${commands}</code></pre>`,
        )}
        <p><a href="/v1/docs">The interface</a></p>
      </body>
    </html>`
}

/** Mounts the page. */
export function mountVerifyPage(app: App): void {
  app.get('/v1/docs/verify', (c) => c.html(page()))
}
