import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { CliBench } from '../../../test/support/cli-bench.js'
import { makeMcuboot } from '../../../test/support/firmware/mcuboot-image.js'
import { makeEncryptedRauc } from '../../../test/support/firmware/rauc-bundle.js'
import { content, ed25519Key } from '../../../test/support/firmware/sample.js'

const payload = content(1_000)
let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
})
afterAll(() => bench.close())

describe('firmware inspect', () => {
  it('says what a file is, on this machine and without a server', async () => {
    writeFileSync(bench.path('mcuboot.bin'), makeMcuboot({ payload }))
    const { exitCode, output } = await bench.run('firmware', 'inspect', bench.path('mcuboot.bin'))
    expect([exitCode, output]).toEqual([
      0,
      ['found inside: mcuboot, whole, version 1.4.0, for nothing it names', 'signature inside: none'],
    ])
    const { errors } = await bench.run('firmware', 'inspect', bench.path('none'))
    expect(errors[0]).toContain('refused: FILE_UNREADABLE (')
  }, 60_000)

  it('says what nobody here can read, and what a policy needs for it', async () => {
    writeFileSync(bench.path('crypt.raucb'), makeEncryptedRauc(payload))
    const { output } = await bench.run('firmware', 'inspect', bench.path('crypt.raucb'))
    expect(output).toContain(
      'sealed: version and target stand where nobody here reads them; a policy allows it by "unknown" beside "rauc"',
    )
  }, 60_000)

  it('ends with 1 for a file that is damaged, signed or not', async () => {
    const signer = ed25519Key()
    const bytes = makeMcuboot({ payload, signer })
    writeFileSync(bench.path('short.bin'), bytes.subarray(0, 500))
    // The signature is over the bytes, and holds; the hash beside it (header 512, payload 1,000, two TLV headers) is another's.
    bytes[1_520] = (bytes[1_520] ?? 0) ^ 1
    writeFileSync(bench.path('hash.bin'), bytes)
    writeFileSync(bench.path('boot.pem'), signer.publicKey.export({ type: 'spki', format: 'pem' }))
    const inspect = (name: string) =>
      bench.run('firmware', 'inspect', bench.path(name), '--embedded-key', bench.path('boot.pem'))
    expect(await inspect('short.bin')).toMatchObject({ exitCode: 1 })
    const { exitCode, output } = await inspect('hash.bin')
    expect([exitCode, output[1]]).toEqual([
      1,
      expect.stringContaining('but the file is not whole: trust nothing of it'),
    ])
  }, 60_000)

  it('verifies the signature inside with the keys that it is given', async () => {
    const signer = ed25519Key()
    writeFileSync(bench.path('signed.bin'), makeMcuboot({ payload, signer }))
    const pem = signer.publicKey.export({ type: 'spki', format: 'pem' })
    writeFileSync(bench.path('boot.pem'), pem)
    writeFileSync(bench.path('other.pem'), ed25519Key().publicKey.export({ type: 'spki', format: 'pem' }))
    const inspect = async (...keys: string[]): Promise<unknown> => {
      const names = keys.flatMap((name) => ['--embedded-key', bench.path(name)])
      const { exitCode, output } = await bench.run('firmware', 'inspect', bench.path('signed.bin'), ...names)
      return [exitCode, output[1]]
    }
    const verified = `signature inside: verified, ed25519, by the registered key ${signer.registered.id}`
    expect(await inspect('other.pem', 'boot.pem')).toEqual([0, verified])
    expect(await inspect()).toEqual([0, 'signature inside: present, ed25519: no registered key is of its kind'])
    expect(await inspect('other.pem')).toEqual([
      1,
      expect.stringMatching(/^signature inside: (present|invalid), ed25519/),
    ])
    writeFileSync(bench.path('secret.pem'), signer.privateKey.export({ type: 'pkcs8', format: 'pem' }))
    const words = ['firmware', 'inspect', bench.path('signed.bin'), '--embedded-key', bench.path('secret.pem')]
    expect((await bench.run(...words)).errors[0]).toContain('it holds a private key')
  }, 60_000)
})
