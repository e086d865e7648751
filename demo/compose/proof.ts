import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Api } from '../api.js'
import { makeMcubootImage } from '../mcuboot-image.js'
import { runCommand } from '../person.js'
import { programs } from '../programs.js'
import { makeRelease, type SignedRelease } from '../releases.js'
import { followRollout, startRollout } from '../rollouts.js'
import type { Access } from '../installation.js'
import { certificates } from './certificate-proof.js'
import { require, type Proof, type ProofScene } from './proof-scene.js'

const signers = ['release-signer', 'online-signer'] as const
const services = ['postgres', 'broker', 'server', 'device-sim', ...signers]
const firmwareBytes = 100_000

async function docker(...args: readonly string[]): Promise<string> {
  const { code, output } = await runCommand(['docker', ...args], process.env)
  require(code === 0, `docker ${args[0]}: ${output.trim().slice(-300)}`)
  return output
}

interface Inspected {
  readonly Config: { readonly User: string; readonly Env: readonly string[] }
  readonly State: { readonly Health?: { readonly Status: string } }
  readonly HostConfig: {
    readonly NetworkMode: string
    readonly ReadonlyRootfs: boolean
    readonly CapDrop: readonly string[] | null
    readonly CapAdd: readonly string[] | null
    readonly SecurityOpt: readonly string[] | null
    readonly PortBindings: Readonly<Record<string, readonly { readonly HostIp: string }[] | null>> | null
  }
  readonly Mounts: readonly { readonly Destination: string; readonly RW: boolean }[]
}

async function inspect({ compose }: ProofScene, service: string): Promise<Inspected> {
  const [found] = JSON.parse(await docker('inspect', await compose.containerOf(service))) as Inspected[]
  require(found !== undefined, `${service} is not there`)
  return found
}

/** Every container as the engine runs it, not as the file says. */
const confined: Proof = {
  name: 'every container is read-only, without capabilities, without a way to new ones, and no root',
  run: async (scene) => {
    for (const service of services) {
      const { Config, HostConfig } = await inspect(scene, service)
      require(HostConfig.ReadonlyRootfs, `${service} may write its root file system`)
      require(HostConfig.CapDrop?.includes('ALL') === true &&
        (HostConfig.CapAdd ?? []).length === 0, `${service} has capabilities`)
      require(HostConfig.SecurityOpt?.some((each) => each.startsWith('no-new-privileges')) ===
        true, `${service} may gain privileges`)
      require(!['', '0', 'root'].includes(Config.User.split(':')[0] ?? ''), `${service} is root`)
      const bindings = Object.values(HostConfig.PortBindings ?? {}).flatMap((each) => each ?? [])
      require(bindings.every((each) => each.HostIp === '127.0.0.1'), `${service} has a port that others reach`)
      require(!Config.Env.some((each) =>
        /(PIN|PASSWORD|TOKEN)=/.test(each),
      ), `${service} has a secret in its environment`)
    }
    for (const service of signers) {
      const { HostConfig, Mounts } = await inspect(scene, service)
      require(HostConfig.NetworkMode === 'none', `${service} has a network`)
      const published = Mounts.find((mount) => mount.Destination.endsWith('/published'))
      require(published?.RW === (service === 'release-signer'), `published is mounted wrongly in ${service}`)
    }
  },
}

/** Finds what must not be there by looking for it; that the search can find is shown where a name is there. */
const lean: Proof = {
  name: 'no build tools in the images; the signers hold one native module, not Nest, TypeORM or mqtt',
  run: async ({ compose }) => {
    const tools = ['npm', 'npx', 'corepack', 'gcc', 'g++', 'cc', 'make', 'python3', 'git']
    for (const service of ['server', 'device-sim', ...signers]) {
      const script = `for each in sh ${tools.join(' ')}; do command -v $each; done; true`
      const found = (await compose.run('exec', '-T', service, 'sh', '-c', script)).trim().split('\n')
      require(found.length === 1 && found[0]?.endsWith('/sh') === true, `${service} holds ${found.slice(1).join(', ')}`)
    }
    for (const service of signers) {
      const packages = (await compose.run('exec', '-T', service, 'ls', '/app/node_modules')).trim()
      require(packages === 'pkcs11js', `${service} holds ${packages}`)
    }
  },
}

const mainJob: Proof = {
  name: 'a firmware file is uploaded, approved, signed, rolled out, and confirmed by every device',
  run: async (scene) => {
    const { access, devices, story } = scene
    await enrolled(access, devices)
    const release = await releaseOf(scene, [1, 0, 0])
    const id = await startRollout(access, { release, stages: ['3', '100%'], devicesTotal: devices })
    const counts = await followRollout(access, id, devices, story, 180)
    require(counts.get('confirmed') === devices, `of ${devices} devices ${counts.get('confirmed') ?? 0} confirmed`)
  },
}

async function enrolled(access: Access, devices: number, limitMs = 60_000): Promise<void> {
  const startedMs = performance.now()
  const api = new Api(access.url, access.people.fleet)
  while ((await api.get<{ items: unknown[] }>('/devices?limit=1000')).items.length < devices) {
    require(performance.now() - startedMs < limitMs, `not all of ${devices} devices enrolled`)
    await sleep(500)
  }
}

function releaseOf({ access, folder }: ProofScene, version: readonly [number, number, number]): Promise<SignedRelease> {
  const file = folder.path('keys', `firmware-${version.join('.')}.bin`)
  writeFileSync(file, makeMcubootImage(version, firmwareBytes))
  return makeRelease(access, file, version.join('.'))
}

/** What a socket says that finds no way; a time-out would say nothing. */
const noWay = ['ENETUNREACH', 'ECONNREFUSED', 'EAI_AGAIN', 'ENOENT', 'EADDRNOTAVAIL']

const egress: Proof = {
  name: 'neither signer reaches TCP, UDP, DNS, a metadata address, an abstract socket or the engine; the server does',
  run: async (scene) => {
    const abstractSocket = `countersign-${process.pid}`
    const listener = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => listener.listen(`\0${abstractSocket}`, resolve))
    try {
      for (const service of signers) {
        const ways = await probe(scene, service, abstractSocket)
        require(Object.keys(ways).length >= 10, 'the probe tried too little')
        const open = Object.entries(ways).filter(([, outcome]) => !noWay.includes(outcome))
        require(open.length === 0, `${service}: ${open.map((each) => each.join(' ')).join(', ')}`)
      }
      const control = await probe(scene, 'server', abstractSocket)
      const expected = ['tcp broker:1883', 'dns query broker', 'dns look-up broker']
      for (const way of expected) require(control[way] === 'reached', `the probe sees no network at all: ${way}`)
      require(Object.entries(control).some(
        ([way, how]) => way.startsWith('udp') && how === 'reached',
      ), 'no UDP was seen')
    } finally {
      await new Promise((resolve) => listener.close(resolve))
    }
  },
}

async function probe(scene: ProofScene, service: string, abstractSocket: string): Promise<Record<string, string>> {
  const gateway = await docker('network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}')
  const server = await docker(
    'inspect',
    await scene.compose.containerOf('server'),
    '--format',
    '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}',
  )
  const hosts = [gateway.trim() || '172.17.0.1', ...server.trim().split(' ')]
  const targets = {
    tcp: [['broker', 1883], ['169.254.169.254', 80], ['127.0.0.1', 8080], ...hosts.map((host) => [host, 8080])],
    udp: hosts.map((host) => [host, 9]),
    name: 'broker',
    abstractSocket,
  }
  // In the server 127.0.0.1:8080 is itself, in a signer nobody.
  const source = readFileSync(`${programs.project}/test/compose/egress-probe.mjs`, 'utf8')
  const node = ['node', '--input-type=module', '-e', source, JSON.stringify(targets)]
  const output = await scene.compose.run('exec', '-T', service, ...node)
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, string>
}

const closedFolders: Proof = {
  name: 'the online signer cannot write what it believes; the server sees neither PIN nor token nor state',
  run: async ({ compose }) => {
    const write = `require('fs').writeFileSync('/var/lib/countersign/published/krl.cbor', 'x')`
    const written = await compose.try('exec', '-T', 'online-signer', 'node', '-e', write)
    require(written.code !== 0 &&
      written.output.includes('EROFS'), `writing published: ${written.output.trim().slice(-200)}`)
    const secrets = (await compose.run('exec', '-T', 'server', 'ls', '/run/secrets')).trim().split('\n')
    require(secrets.join() === 'broker_password,database_url,webhook_secret', `the server holds ${secrets.join()}`)
    const folders = (await compose.run('exec', '-T', 'server', 'ls', '/var/lib/countersign')).trim()
    require(folders === 'store', `the server sees ${folders}`)
  },
}

const softToken: Proof = {
  name: 'profile production refuses the software token by name',
  run: async ({ compose }) => {
    const keygen = ['release-signer', 'keygen', '--role', 'krl']
    const { code, output } = await compose.try('run', '--rm', '-T', '--no-deps', '-e', 'PROFILE=production', ...keygen)
    require(code !== 0 && output.includes('"SoftHSM project"'), `it said: ${output.trim().slice(-300)}`)
  },
}

const anew: Proof = {
  name: 'containers made anew on the same volumes go on: the next release is signed',
  run: async (scene) => {
    await scene.compose.run('up', '-d', '--no-build', '--no-deps', '--force-recreate', ...signers)
    await healthy(scene, signers)
    const release = await releaseOf(scene, [1, 1, 0])
    require(release.sequence > 1, `sequence ${release.sequence} was used before`)
  },
}

async function healthy(scene: ProofScene, names: readonly string[], limitMs = 60_000): Promise<void> {
  const startedMs = performance.now()
  for (const name of names)
    while ((await inspect(scene, name)).State.Health?.Status !== 'healthy') {
      require(performance.now() - startedMs < limitMs, `${name} is not healthy`)
      await sleep(500)
    }
}

const health: Proof = {
  name: 'every service with a health check is healthy',
  run: (scene) =>
    healthy(
      scene,
      services.filter((each) => each !== 'device-sim'),
    ),
}

/** In this order: the last ones disturb the others. */
export const proofs: readonly Proof[] = [
  ...[health, confined, lean, mainJob, egress, closedFolders, softToken, certificates, anew],
]
