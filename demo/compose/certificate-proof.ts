import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { decodeCbor } from '../../src/domain/cbor/decode.js'
import { deviceTopic } from '../../src/protocol/mqtt-topics.js'
import { product } from '../product.js'
import { require, type Proof, type ProofScene } from './proof-scene.js'

const LIMIT_MS = 90_000
/** The broker's two ports for devices, as /proc/net writes them; 01 is a connection that stands. */
const [WITH_PASSWORDS, WITH_CERTIFICATES] = ['075B', '22B3']

interface Shown {
  readonly id: string
  readonly cert: string
  readonly key: string
}

/** A simulated device shows its certificate when it connects anew; the first time it had none yet. */
export const certificates: Proof = {
  name: 'devices come to the broker by certificate, each only as itself; nobody comes without one',
  run: async (scene) => {
    const { compose, devices } = scene
    await compose.run('restart', 'device-sim')
    await connectedBy(scene, WITH_CERTIFICATES, devices)
    require((await connections(scene, WITH_PASSWORDS)) === 0, 'a device with a certificate came by its password')
    const [one, other] = [await identityOf(scene, 0), await identityOf(scene, 1)]
    await requireNobodyWithout(scene, one)
    const client = await connectAs(scene, one)
    try {
      // Its own topic is open, with a message that says nothing; that of the other is not.
      const publish = (id: string) =>
        client.publishAsync(deviceTopic(product.namespace, id, 'report'), Buffer.of(0), { qos: 1 })
      await publish(one.id)
      const denied = await publish(other.id).then(
        () => null,
        (error: { readonly code?: number }) => error.code,
      )
      require(denied === 135, 'a device may speak for another one')
    } finally {
      await client.endAsync(true)
    }
  },
}

/** Both are refused by TLS: the file for another key fits no certificate, and a certificate of nobody's authority is none. */
async function requireNobodyWithout(scene: ProofScene, { id }: Shown): Promise<void> {
  const read = (name: string): string => readFileSync(scene.folder.path('tls', name), 'utf8')
  const strangers = [
    { id, cert: '', key: '' },
    { id, cert: read('broker.crt'), key: read('broker.key') },
  ]
  for (const stranger of strangers) {
    const client = await connectAs(scene, stranger).catch(() => null)
    await client?.endAsync(true)
    require(client === null, `the broker lets somebody in ${stranger.cert === '' ? 'without' : 'with any'} certificate`)
  }
}

function connectAs({ compose, folder }: ProofScene, { id, cert, key }: Shown): Promise<MqttClient> {
  return connectAsync(`mqtts://127.0.0.1:${compose.options.mqttTlsPort}`, {
    ca: readFileSync(folder.path('trust', 'broker.crt')),
    ...(cert === '' ? {} : { cert, key }),
    clientId: id,
    protocolVersion: 5,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
  })
}

async function identityOf({ compose }: ProofScene, index: number): Promise<Shown> {
  const file = `/var/lib/countersign/devices/device-${String(index).padStart(5, '0')}/tls-identity`
  const text = (await compose.run('exec', '-T', 'device-sim', 'base64', '-w0', file)).trim().split('\n').at(-1) ?? ''
  const [secret, der] = decodeCbor(new Uint8Array(Buffer.from(text, 'base64'))) as [Uint8Array, Uint8Array]
  const certificate = new X509Certificate(der)
  const id = /CN=([0-9a-f]{64})$/.exec(certificate.subject)?.[1] ?? ''
  require(certificate.subject === `O=${product.namespace}\nCN=${id}`, `a certificate of ${certificate.subject}`)
  const key = createPrivateKey({ key: Buffer.from(secret), format: 'der', type: 'pkcs8' })
  return { id, cert: certificate.toString(), key: key.export({ format: 'pem', type: 'pkcs8' }) as string }
}

async function connections({ compose }: ProofScene, port: string): Promise<number> {
  const tables = await compose.run('exec', '-T', 'broker', 'cat', '/proc/net/tcp', '/proc/net/tcp6')
  return tables.split('\n').filter((line) => new RegExp(`^ *\\d+: [0-9A-F]+:${port} [0-9A-F:]+ 01 `).test(line)).length
}

async function connectedBy(scene: ProofScene, port: string, devices: number): Promise<void> {
  const startedMs = performance.now()
  let found = 0
  while (found < devices) {
    require(performance.now() - startedMs < LIMIT_MS, `${found} of ${devices} devices came by certificate`)
    await sleep(500)
    found = await connections(scene, port)
  }
}
