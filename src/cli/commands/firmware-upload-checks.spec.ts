import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { CliBench } from '../../../test/support/cli-bench.js'
import { makeSwu } from '../../../test/support/firmware/archives.js'
import { makeMcuboot } from '../../../test/support/firmware/mcuboot-image.js'
import { content, ed25519Key } from '../../../test/support/firmware/sample.js'
import { CLASS_ID } from '../../../test/support/trust-fixture.js'
import { toBase64Url, toHex } from '../../domain/bytes.js'

const payload = content(1_000)
let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
  bench.courier.on('GET /embedded-keys', () => ({ items: [], next: null }))
})
afterAll(() => bench.close())

describe('firmware upload', () => {
  it('refuses an upload whose signature the keys of the namespace deny, before anything is sent', async () => {
    const { registered } = ed25519Key()
    const signer = ed25519Key()
    const bytes = makeMcuboot({ payload, signer })
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    writeFileSync(bench.path('forged.bin'), bytes)
    const keys = [registered, signer.registered].map(({ der }) => ({ kind: 'ed25519', der: toBase64Url(der) }))
    bench.courier.on('GET /embedded-keys', () => ({ items: keys, next: null }))
    const before = bench.courier.calls.length
    const words = ['--version', '1.4.0', '--class', 'gateway/rev-b/prod', ...bench.keyOf('engineer-1')]
    const { errors } = await bench.run('firmware', 'upload', bench.path('forged.bin'), ...words)
    expect(errors[0]).toContain('EMBEDDED_SIGNATURE_INVALID')
    expect(bench.courier.calls.slice(before).map(({ method }) => method)).not.toContain('POST')
  }, 60_000)

  it('refuses a version that the file itself denies, before anything is sent', async () => {
    writeFileSync(bench.path('mcuboot.bin'), makeMcuboot({ payload }))
    const before = bench.courier.calls.length
    const words = ['--version', '1.5.0', '--class', 'gateway/rev-b/prod', ...bench.keyOf('engineer-1')]
    const { errors } = await bench.run('firmware', 'upload', bench.path('mcuboot.bin'), ...words)
    expect(errors[0]).toBe('refused: VERSION_DISAGREES (typed=1.5.0 found=1.4.0)')
    expect(bench.courier.calls.slice(before).map(({ method }) => method)).not.toContain('POST')
  }, 60_000)

  it('refuses a class that the file itself denies, before anything is sent, by the words of the operator', async () => {
    writeFileSync(bench.path('sensor.swu'), await makeSwu({ payload, board: 'sensor' }))
    const named = { classId: toHex(CLASS_ID), name: 'gateway-b', model: 'gateway', hardwareRevision: 'rev-b' }
    const upload = async (classes: readonly object[]): Promise<unknown> => {
      bench.courier.on('GET ', () => ({ classes }))
      const before = bench.courier.calls.length
      const words = ['--version', '1.4.0', '--class', 'gateway/rev-b/prod', ...bench.keyOf('engineer-1')]
      const { errors } = await bench.run('firmware', 'upload', bench.path('sensor.swu'), ...words)
      return [errors[0], bench.courier.calls.slice(before).some(({ path }) => path.startsWith('/firmware/'))]
    }
    const denied = (typed: string): unknown => [`refused: CLASS_DISAGREES (typed=${typed} found=sensor)`, false]
    expect(await upload([named])).toEqual(denied('gateway-b (gateway-b, gateway, rev-b, gateway-rev-b)'))
    expect(await upload([{ ...named, targets: ['acme'] }])).toEqual(denied('gateway-b (acme)'))
    // What has no name there, the server judges.
    expect(await upload([])).toEqual([expect.anything(), true])
    expect(await upload([{ ...named, targets: ['sensor'] }])).toEqual([expect.anything(), true])
  }, 60_000)
})
