import { chmodSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { rolesOfTokens, signPolicy, signRoot, specifyRoot, type TokenKeys } from '../ceremony.js'
import { logEverybodyIn, signFirstKrl, type Access } from '../installation.js'
import { gatherPeople, type People } from '../people.js'
import { lastJson } from '../person.js'
import { product } from '../product.js'
import type { SignerName, TokenKeyRow } from '../signer-process.js'
import type { Story } from '../story.js'
import { claimToken } from '../victim.js'
import type { ComposeFolder } from './compose-folder.js'
import type { Compose } from './compose.js'

const READY_LIMIT_MS = 90_000

export interface BringUp {
  readonly compose: Compose
  readonly folder: ComposeFolder
  readonly story: Story
  readonly devices: number
}

/** From images to a system after its first ceremony: tokens, keys, root 1, policy 1, everybody's login, KRL 1, a claim token. */
export async function bringUp({ compose, folder, story, devices }: BringUp): Promise<Access> {
  const now = Math.floor(Date.now() / 1_000)
  folder.writeSecrets()
  folder.writeBrokerCertificate()
  const people = await gatherPeople(folder.keys)
  story.tell('secrets are drawn; every person has a key of their own, outside of every container')
  const tokenKeys = [
    ...(await makeToken(compose, 'release', rolesOfTokens.release)),
    ...(await makeToken(compose, 'online', rolesOfTokens.online)),
    ...(await makeKeys(compose, 'online', ['device-ca'], 'esp256')),
  ]
  story.tell(`two tokens are made, and ${tokenKeys.length} keys inside them; only public halves came out`)
  const policyFile = await holdCeremony(folder, people, tokenKeys, now)
  story.tell('root 1 is signed by two of three holders, policy 1 by two people')
  await compose.run('up', '-d', '--no-build')
  await requireReady(compose)
  story.tell(`the server answers at ${compose.url}; both signers run without a network`)
  const access = { url: compose.url, people }
  await logEverybodyIn(people, compose.url, folder.path('trust', 'root-1.cbor'), await firstToken(compose))
  await people.security[0].run('trust', 'push', '--policy', policyFile)
  await signFirstKrl(people)
  folder.writeSecret('claim_token', await claimToken(access, 'gateway-b', devices))
  await openCertificateListener(compose, folder, people)
  folder.markReady()
  story.tell(
    'policy 1 is held by the signer; KRL 1 is signed; the devices have their claim token, and come in by certificate',
  )
  return access
}

async function makeToken(compose: Compose, name: SignerName, roles: readonly string[]): Promise<TokenKeyRow[]> {
  await compose.run('run', '--rm', '-T', `${name}-token`)
  return makeKeys(compose, name, roles)
}

async function makeKeys(
  compose: Compose,
  name: SignerName,
  roles: readonly string[],
  algorithm = 'ed25519',
): Promise<TokenKeyRow[]> {
  const options = roles.flatMap((role) => ['--role', role])
  const output = await compose.run(
    'run',
    '--rm',
    '-T',
    '--no-deps',
    `${name}-signer`,
    'keygen',
    '--algorithm',
    algorithm,
    ...options,
  )
  const rows = lastJson(output)
  if (!Array.isArray(rows)) throw new Error(`keygen: ${output.trim().slice(-400)}`)
  return rows as unknown as TokenKeyRow[]
}

/** On the holders' machines, not in a container. @returns the file of policy 1. */
async function holdCeremony(folder: ComposeFolder, people: People, tokenKeys: TokenKeys, now: number): Promise<string> {
  const rootFile = await signRoot(folder, product, people, specifyRoot(people, tokenKeys, now), now)
  folder.writeTrust(rootFile)
  return signPolicy(folder, product, people, now)
}

/** The authority is known once root and online signer are there. The server stands in the broker's process namespace, and ends with it. */
async function openCertificateListener(compose: Compose, folder: ComposeFolder, people: People): Promise<void> {
  const authorities = folder.path('tls', 'authorities.pem')
  await people.security[0].run('device', 'authorities', '--out', authorities)
  // The broker is another user.
  chmodSync(authorities, 0o644)
  for (const step of [
    ['stop', 'server'],
    ['restart', 'broker'],
    ['up', '-d', '--no-build'],
  ])
    await compose.run(...step)
  await requireReady(compose)
}

/** Waits for the database and the broker behind the server as well. */
export async function requireReady(compose: Compose): Promise<void> {
  const startedMs = performance.now()
  for (;;) {
    const answer = await fetch(`${compose.url}/health/ready`)
      .then((response) => response.json() as Promise<{ broker?: string }>)
      .catch(() => null)
    if (answer?.broker === 'connected') return
    if (performance.now() - startedMs > READY_LIMIT_MS) {
      const { output } = await compose.try('logs', '--tail', '5')
      throw new Error(`the server is not ready after ${READY_LIMIT_MS / 1_000} s\n${output.trim()}`)
    }
    await sleep(500)
  }
}

/** Written into the container's memory, read once, removed. */
async function firstToken(compose: Compose): Promise<string> {
  const file = '/dev/shm/first-token'
  const execute = (...command: string[]) => compose.run('exec', '-T', 'server', ...command)
  await execute('node', '/app/dist/src/server/main.js', 'bootstrap', '--out', file)
  const output = await execute('cat', file)
  await execute('rm', file)
  return output.trim().split('\n').at(-1)?.trim() ?? ''
}
