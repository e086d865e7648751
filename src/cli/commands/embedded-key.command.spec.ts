import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { CliBench } from '../../../test/support/cli-bench.js'

const pair = generateKeyPairSync('ed25519')
const der = pair.publicKey.export({ format: 'der', type: 'spki' })
let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
  bench.courier.on('POST /embedded-keys', () => ({ id: 'ab', kind: 'ed25519', label: 'boot' }))
})
afterAll(() => bench.close())

const add = (content: string | Uint8Array) => {
  writeFileSync(bench.path('key'), content)
  return bench.run('embedded-key', 'add', bench.path('key'), '--label', 'boot')
}
const sent = (): string[] => bench.courier.posted('/embedded-keys').map((body) => body['der'] ?? '')

describe('embedded-key add', () => {
  it.each([
    ['PEM', () => pair.publicKey.export({ format: 'pem', type: 'spki' })],
    ['DER', () => der],
  ])('sends the same bytes from %s', async (_, make) => {
    expect(await add(make())).toMatchObject({ exitCode: 0, output: ['registered ed25519 "boot": ab'] })
    expect(sent().at(-1)).toBe(der.toString('base64url'))
  })

  it.each([
    ['PEM', () => pair.privateKey.export({ format: 'pem', type: 'pkcs8' })],
    ['DER', () => pair.privateKey.export({ format: 'der', type: 'pkcs8' })],
  ])('never sends a private key, %s', async (_, make) => {
    const before = sent().length
    const { exitCode, errors } = await add(make())
    expect(exitCode).toBe(1)
    expect(errors[0]).toContain('refused: FILE_UNREADABLE (')
    expect(sent()).toHaveLength(before)
  })
})
