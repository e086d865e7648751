import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'
import { readKeyEntry } from '../ceremony/spec-file.js'

let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
})
afterAll(() => bench.close())

const show = (content: string | Buffer) => {
  writeFileSync(bench.path('key'), content)
  return bench.run('key', 'show', bench.path('key'), '--json')
}
const pemOf = (key: KeyObject): string | Buffer =>
  key.export({ format: 'pem', type: key.type === 'public' ? 'spki' : 'pkcs8' })

describe('key show', () => {
  it('prints the public part of a person’s key, with the name', async () => {
    const output = await bench.must('key', 'show', bench.path('engineer-1.key'))
    const { keyId } = bench.keys.get('engineer-1') ?? {}
    expect(output.slice(0, 2)).toEqual(['person        engineer-1', `key id        ${keyId ?? ''}`])
  })

  it.each([
    ['Ed25519', () => generateKeyPairSync('ed25519')],
    ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ])('prints a public key that other tools made, as a policy lists builders: %s', async (_, make) => {
    const { publicKey, privateKey } = make()
    const { exitCode, output } = await show(pemOf(publicKey))
    expect(exitCode).toBe(0)
    const entry = JSON.parse(output[0] ?? '') as { keyId: string; publicKey: string }
    expect(Object.keys(entry)).toEqual(['keyId', 'publicKey'])
    const { x = '' } = publicKey.export({ format: 'jwk' })
    expect(Buffer.from(readKeyEntry(entry, 'builders.0').x).toString('base64url')).toBe(x)
    // The private half is nobody's to show.
    expect((await show(pemOf(privateKey))).errors[0]).toContain('it holds a private key')
  })

  it('refuses a key of another kind', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
    expect((await show(pemOf(publicKey))).errors[0]).toContain('KEY_MALFORMED')
  })
})

it('key create asks for no passphrase when its file is there', async () => {
  const words = [
    '--person',
    'engineer-1',
    '--out',
    bench.path('engineer-1.key'),
    '--passphrase-file',
    bench.path('none'),
  ]
  expect((await bench.run('key', 'create', ...words)).errors[0]).toContain('refused: FILE_EXISTS')
  words[3] = bench.path('new.key')
  expect((await bench.run('key', 'create', ...words)).errors[0]).toContain('refused: FILE_UNREADABLE')
})

it('a key is written into folders that are made for it, closed to others, and refused where none can be made', async () => {
  const create = (out: string) =>
    bench.run('key', 'create', '--person', 'a', '--out', out, '--passphrase-file', bench.path('passphrase'))
  expect((await create(bench.path('new/deep/a.key'))).exitCode).toBe(0)
  expect(statSync(bench.path('new')).mode & 0o777).toBe(0o700)
  // Linux has a folder that nothing can be made in; elsewhere it is a file that stands in the way.
  const nowhere = existsSync('/proc/self') ? '/proc/countersign/a.key' : bench.path('passphrase/deep/a.key')
  expect((await create(nowhere)).errors[0]).toContain('refused: FILE_UNREADABLE')
})

it('a file that has no end is refused', async () => {
  expect((await bench.run('key', 'show', '/dev/zero')).errors[0]).toContain('why=above 4194304 bytes')
})
