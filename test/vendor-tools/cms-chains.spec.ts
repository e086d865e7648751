import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256Hex, utf8 } from '../../src/domain/bytes.js'
import type { EmbeddedKey } from '../../src/inspect/key-ring.js'
import { makeSwu } from '../support/firmware/archives.js'
import { inspectBytes } from '../support/firmware/inspect-bytes.js'

/** Chains that OpenSSL makes and judges, and what we say of them. */
const folder = mkdtempSync(join(tmpdir(), 'cs-chains-'))
const path = (name: string): string => join(folder, name)
const openssl = (line: string): void =>
  void execFileSync('openssl', line.split(' '), { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })

const extensions = `
[req]
distinguished_name=name
[name]
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
[short]
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign
[named]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
nameConstraints=critical,permitted;dirName:good
[good]
O=Good
[tls]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
extendedKeyUsage=serverAuth
[signer]
basicConstraints=CA:FALSE
keyUsage=digitalSignature
extendedKeyUsage=emailProtection
[unknown]
basicConstraints=CA:FALSE
1.2.3.4.5=critical,ASN1:UTF8String:never
`

function makeRoot(name: string, section: string): void {
  openssl(
    `req -x509 -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.pem -subj /CN=${name} -days 2
-config ext -extensions ${section}`.replace('\n', ' '),
  )
}
function issue(name: string, by: string, section: string, bits = 2_048, hash = 'sha256'): void {
  openssl(`req -newkey rsa:${bits} -nodes -keyout ${name}.key -out ${name}.csr -subj /O=other/CN=${name} -config ext`)
  const how = `-CAcreateserial -days 2 -extfile ext -extensions ${section} -${hash} -out ${name}.pem`
  openssl(`x509 -req -in ${name}.csr -CA ${by}.pem -CAkey ${by}.key ${how}`)
}

beforeAll(() => {
  writeFileSync(path('ext'), extensions)
  makeRoot('root', 'ca')
  makeRoot('root-short', 'short')
  makeRoot('root-named', 'named')
  issue('sub', 'root', 'ca')
  issue('sub-short', 'root-short', 'ca')
  issue('sub-tls', 'root', 'tls')
  for (const by of ['root', 'sub', 'sub-short', 'sub-tls', 'root-named']) issue(`of-${by}`, by, 'signer')
  issue('unknown', 'root', 'unknown')
  issue('small', 'root', 'signer', 1_024)
  issue('weak', 'root', 'signer', 2_048, 'sha1')
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

function sign(content: Uint8Array, signer: string, between: string | null): Uint8Array {
  writeFileSync(path('content'), content)
  const certificates = between === null ? '' : ` -certfile ${between}.pem`
  openssl(
    `cms -sign -binary -nosmimecap -in content -outform DER -out signature -signer ${signer}.pem${certificates}
-inkey ${signer}.key`.replace('\n', ' '),
  )
  return new Uint8Array(readFileSync(path('signature')))
}

function ca(name: string): EmbeddedKey {
  const der = new X509Certificate(readFileSync(path(`${name}.pem`))).raw
  return { id: sha256Hex(der), kind: 'x509-ca', der }
}

const onDebian = existsSync('/etc/debian_version') ? describe : describe.skip

onDebian('a signer of a chain', () => {
  it.each([
    ['of a root', 'of-root', null, 'root'],
    ['of a CA below a root', 'of-sub', 'sub', 'root'],
  ])('%s is verified, by OpenSSL too', async (_, signer, between, root) => {
    const bytes = await makeSwu({ payload: utf8('image'), cms: (each) => Promise.resolve(sign(each, signer, between)) })
    expect(() => verifyByOpenssl(root)).not.toThrow()
    const { signature } = await inspectBytes(bytes, ca(root))
    expect(signature).toEqual({ state: 'verified', algorithm: 'cms sha256', keyId: ca(root).id })
  })

  it.each([
    [
      'whose root allows no CA below it',
      'of-sub-short',
      'sub-short',
      'root-short',
      'longer than one of its CAs allows',
    ],
    ['whose CA is for TLS alone', 'of-sub-tls', 'sub-tls', 'root', 'a CA of its chain is for another purpose'],
    ['with a name that its CA may not give', 'of-root-named', null, 'root-named', 'constrains names'],
    ['with a critical extension of no known kind', 'unknown', null, 'root', 'has a critical extension'],
    ['with a small key', 'small', null, 'root', 'RSA of fewer than 2048 bits'],
    ['signed over SHA-1', 'weak', null, 'root', 'signed over MD5 or SHA-1'],
  ])('%s is not, neither by OpenSSL nor by us', async (_, signer, between, root, why) => {
    const bytes = await makeSwu({ payload: utf8('image'), cms: (each) => Promise.resolve(sign(each, signer, between)) })
    expect(() => verifyByOpenssl(root)).toThrow('Verification failure')
    const { signature } = await inspectBytes(bytes, ca(root))
    expect(signature).toMatchObject({ state: 'present', why: expect.stringContaining(why) })
  })
})

/** At the level of security that Debian sets. */
function verifyByOpenssl(root: string): void {
  openssl(
    `cms -verify -binary -in signature -inform DER -content content -CAfile ${root}.pem -out verified
-auth_level 2`.replace('\n', ' '),
  )
}

onDebian('a signer on a curve that we do not verify', () => {
  it.each(['brainpoolP256r1', 'secp256k1'])('%s is present, not wrong', async (curve) => {
    openssl(`ecparam -name ${curve} -genkey -noout -out curve.key`)
    openssl('req -x509 -new -key curve.key -out curve.pem -subj /CN=curve -days 2')
    const cms = (each: Uint8Array): Promise<Uint8Array> => Promise.resolve(sign(each, 'curve', null))
    const { state, signature } = await inspectBytes(await makeSwu({ payload: utf8('image'), cms }), ca('curve'))
    expect([state, signature]).toMatchObject(['whole', { state: 'present', why: expect.stringContaining('kind') }])
  })

  it('a signature without certificates is present, and told from one of RSA however short it is', async () => {
    openssl('ecparam -name prime256v1 -genkey -noout -out short.key')
    openssl('req -x509 -new -key short.key -out short.pem -subj /CN=short -days 2')
    const cms = (each: Uint8Array): Promise<Uint8Array> => {
      writeFileSync(path('content'), each)
      openssl(
        'cms -sign -binary -nosmimecap -nocerts -in content -outform DER -out signature -signer short.pem -inkey short.key',
      )
      return Promise.resolve(new Uint8Array(readFileSync(path('signature'))))
    }
    const { signature } = await inspectBytes(await makeSwu({ payload: utf8('image'), cms }), ca('short'))
    expect(signature).toEqual({
      ...{ state: 'present', algorithm: 'cms sha256' },
      why: 'it brings no certificate of its signer',
    })
  })
})
