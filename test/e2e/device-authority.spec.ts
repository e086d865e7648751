import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { EmbeddedBroker } from '../../src/embedded/broker.js'
import { parseCertificateAnswer } from '../../src/protocol/device-http.js'
import { CertifiedDevice, TlsKey } from '../support/certified-device.js'
import { FleetDevice, problemIn } from '../support/fleet-device.js'
import { brokerConfig } from '../support/fleet-options.js'
import { PeopleBench } from '../support/people-bench.js'
import { SignerFixture } from '../support/signer-fixture.js'
import { makeServerCertificate } from '../support/soft-authority.js'
import { makeSoftKey } from '../support/soft-key.js'

/** Server and database, and the online signer on its socket with the authority's key in a PKCS#11 token: nothing stands in for them. */
describe('a certificate for a device', () => {
  let signers: SignerFixture
  let broker: EmbeddedBroker
  let bench: PeopleBench
  let folder = ''
  let url = ''
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cs-authority-'))
    signers = await SignerFixture.make({ withDeviceCa: true })
    await signers.start('release')
    await signers.start('online')
    const [releaseSigner, onlineSigner] = (['release', 'online'] as const).map(
      (name) => signers.config(name).SIGNER_SOCKET,
    )
    broker = await EmbeddedBroker.start({ folder: join(folder, 'broker') })
    const { certificateFile, keyFile } = makeServerCertificate(folder)
    bench = await PeopleBench.start({
      trust: signers.trust,
      sockets: { releaseSigner: releaseSigner ?? '', onlineSigner: onlineSigner ?? '' },
      config: { tls: { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }, ...brokerConfig(broker) },
    })
    await bench.begin()
    await bench.server.app.listen(0, '127.0.0.1')
    url = await bench.server.app.getUrl()
  }, 120_000)
  afterAll(async () => {
    await bench.stop()
    await broker.stop()
    await signers.dispose()
    rmSync(folder, { recursive: true })
  })

  async function enrolled(): Promise<CertifiedDevice> {
    const wish = { className: 'gateway-b', uses: 1, expires: signers.clock.seconds + 600 }
    const { body } = await bench.call('POST', '/claim-tokens', 'fleet-manager', wish)
    const { app } = bench.server
    const device = new FleetDevice(() => app, signers.trust.namespace)
    const answer = await device.enrol(String(body['token']))
    if (answer.statusCode !== 200) throw new Error(JSON.stringify(problemIn(answer)))
    return new CertifiedDevice({ app, now: signers.clock.seconds }, device)
  }
  /** By TLS, without a credential. */
  const poll = ({ device }: CertifiedDevice, identity: { cert?: string; key?: string } = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      const options = { ...identity, rejectUnauthorized: false, agent: false }
      const sent = request(new URL(`${device.base}/${device.id}/update`, url), options, (answer) => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      })
      sent.on('error', reject)
      sent.end()
    })

  it('is signed by the key in the token, names the device, and lets it in by TLS', async () => {
    const one = await enrolled()
    const answer = await one.ask(await one.request())
    const answered = parseCertificateAnswer(new Uint8Array(answer.rawPayload))
    const [certificate, authority] = [answered.certificate, answered.authority].map((der) => new X509Certificate(der))
    expect(certificate?.subject).toContain(`CN=${one.device.id}`)
    expect(certificate?.verify(authority?.publicKey as NonNullable<typeof authority>['publicKey'])).toBe(true)
    expect(authority?.subject).toContain((signers.keyIds.get('device-ca') ?? 'no key').slice(0, 16))
    expect(await poll(one, { cert: String(certificate), key: one.tls.pem })).toBe(200)
    expect(await poll(one)).toBe(401)
    expect(await poll(await enrolled(), { cert: String(certificate), key: one.tls.pem })).toBe(401)
  })

  it('is renewed for a new key, and the same again for the same key', async () => {
    const one = await enrolled()
    const before = await one.obtain()
    expect((await one.obtain()).serialNumber).toBe(before.serialNumber)
    one.tls = new TlsKey()
    const after = await one.obtain()
    expect([after.subject, after.serialNumber === before.serialNumber]).toEqual([before.subject, false])
    expect(await poll(one, { cert: one.pem, key: one.tls.pem })).toBe(200)
  })

  it('is refused by the signer itself to whoever is not the device, whatever the server believes', async () => {
    const one = await enrolled()
    const answer = await one.ask(await one.request({}, makeSoftKey()))
    expect(problemIn(answer)).toMatchObject({ status: 409, code: 'SIGNER_REFUSED' })
  })
})
