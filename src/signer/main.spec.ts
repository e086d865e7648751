import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { build } from 'esbuild'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { SignerClient } from '../server/signing/signer-client.js'
import { imageOf, piecesOf, SignerFixture } from '../../test/support/signer-fixture.js'

jest.setTimeout(60_000)
const noNetwork = 'unshare'
const root = resolve(import.meta.dirname, '../..')
let fixture: SignerFixture
let folder: string
let program: string
beforeAll(async () => {
  fixture = await SignerFixture.make()
  // Inside of the project, so that the native package is found from there.
  mkdirSync(join(root, '.cache'), { recursive: true })
  folder = mkdtempSync(join(root, '.cache', 'signer-'))
  program = join(folder, 'main.mjs')
  await build({
    entryPoints: [join(root, 'src/signer/main.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['pkcs11js'],
    outfile: program,
  })
})
afterAll(async () => {
  await fixture.dispose()
  rmSync(folder, { recursive: true })
})

type Change = Readonly<Record<string, string | undefined>>
const environment = (change: Change = {}): NodeJS.ProcessEnv => {
  const own = { SOFTHSM2_CONF: join(fixture.token.folder, 'softhsm2.conf'), PATH: process.env['PATH'] }
  const merged = { ...own, ...fixture.config('release'), ...change }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined))
}
const run = (change: Change, ...args: string[]) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [program, ...args], {
    env: environment(change),
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status, stderr, stdout }
}

/** Starts the program as it is and waits until it serves. */
async function serve(change: Change = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, [program], { env: environment(change), stdio: ['ignore', 'pipe', 'inherit'] })
  await serving(child)
  return child
}

async function serving(child: ChildProcess): Promise<void> {
  const { stdout } = child
  if (stdout === null) throw new Error('no output')
  await new Promise<void>((resolve, reject) => {
    stdout.on('data', (piece) => {
      if (String(piece).includes('signer.serving')) resolve()
    })
    child.once('exit', () => reject(new Error('the signer ended before it served')))
  })
}

const wrongPin = (): string => {
  const path = join(fixture.folder, 'wrong-pin')
  writeFileSync(path, '31415926\n', { mode: 0o600 })
  return path
}

describe('signer process', () => {
  it.each<[string, () => Change, RegExp]>([
    ['a wrong PIN', () => ({ PKCS11_PIN_FILE: wrongPin() }), /^signer: TOKEN_PIN .*\n$/],
    ['a missing module', () => ({ PKCS11_MODULE: '/nowhere/module.so' }), /^signer: TOKEN_MODULE .*\n$/],
    ['a missing root', () => ({ SIGNER_ROOT_FILE: '/nowhere/root' }), /^signer: FILE_UNREADABLE .*ENOENT.*\n$/],
    ['state that cannot be made', () => ({ SIGNER_STATE_DIR: '/proc/none/state' }), /^signer: SIGNER_STORAGE .*\n$/],
    [
      'a PIN in the environment',
      () => ({ PKCS11_PIN: '24680-user' }),
      /^signer: CONFIGURATION \(name: PKCS11_PIN, why: a PIN is never taken from the environment[^\n]*\n$/,
    ],
    [
      'neither a PIN file nor a credential',
      () => ({ PKCS11_PIN_FILE: undefined }),
      /^signer: CONFIGURATION .*PKCS11_PIN_FILE.*\n$/,
    ],
    ['no settings at all', () => ({ SIGNER_PROCESS: undefined }), /^signer: CONFIGURATION .*SIGNER_PROCESS.*\n$/],
    [
      'a sandbox switched off in production',
      () => ({ PROFILE: 'production' }),
      /^signer: CONFIGURATION .*SIGNER_SANDBOX: off only in profile laptop.*\n$/,
    ],
  ])('ends with one clear line for %s', (_, change, line) => {
    const { status, stderr } = run(change())
    expect(stderr).toMatch(line)
    expect(stderr).not.toContain('24680')
    expect(status).toBe(1)
  })

  it('refuses keys in plain files in profile production', () => {
    const command = `ulimit -c 0; exec "${process.execPath}" "${program}"`
    const env = environment({ PROFILE: 'production', SIGNER_SANDBOX: 'required' })
    const { status, stderr } = spawnSync(noNetwork, ['-rn', 'sh', '-c', command], { env, encoding: 'utf8' })
    expect(stderr).toMatch(/^signer: TOKEN_MODULE .*keeps keys in plain files.*\n$/)
    expect(status).toBe(1)
  })

  it('refuses to serve with core dumps on in profile production, which would carry the PIN', () => {
    const command = `ulimit -c 1; exec "${process.execPath}" "${program}"`
    const env = environment({ PROFILE: 'production', SIGNER_SANDBOX: 'required' })
    const { status, stderr } = spawnSync(noNetwork, ['-rn', 'sh', '-c', command], { env, encoding: 'utf8' })
    expect(stderr).toBe('signer: SANDBOX_UNAVAILABLE (why: core dumps are on)\n')
    expect(status).toBe(1)
  })

  it('refuses to serve where it sees a network', () => {
    // Where the test itself runs without one there is nothing to see.
    const routes = readFileSync('/proc/self/net/route', 'utf8').split('\n').slice(1)
    const hasNetwork = routes.some((row) => row.trim() !== '' && !row.startsWith('lo'))
    const { stderr } = run({ SIGNER_SANDBOX: 'required', PKCS11_MODULE: '/nowhere/module.so' })
    expect(stderr).toMatch(
      hasNetwork ? /^signer: SANDBOX_UNAVAILABLE \(why: there is a route by/ : /^signer: TOKEN_MODULE/,
    )
  })

  it('serves without a network in reach, and says that it is sandboxed', async () => {
    const args = ['-rn', process.execPath, program]
    const env = environment({ SIGNER_SANDBOX: 'required' })
    const child = spawn(noNetwork, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    await serving(child)
    const client = new SignerClient(fixture.config('release').SIGNER_SOCKET)
    expect(await client.request('status', {})).toMatchObject({ sandboxed: true })
    await client.close()
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
  })

  it('ends at once on SIGTERM with its socket and its lock gone', async () => {
    const child = await serve()
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(existsSync(fixture.config('release').SIGNER_SOCKET)).toBe(false)
  })

  it('killed in the middle of signing, comes back and never signs a sequence twice', async () => {
    let child = await serve()
    let client = new SignerClient(fixture.config('release').SIGNER_SOCKET)
    if ((await client.request('status', {})).krlNumber === 0) await fixture.signFirstKrl(client)
    const image = imageOf(1)
    await client.hashImage(piecesOf(image), image.length)
    const requests = await Promise.all(
      Array.from({ length: 20 }, (_, index) => fixture.signRequest(index + 1, { image })),
    )
    const answers = Promise.allSettled(
      requests.map(async (request, index) => {
        if (index === 7) child.kill('SIGKILL')
        return client.request('sign', request)
      }),
    )
    const signed = (await answers).filter(({ status }) => status === 'fulfilled').length
    child = await serve()
    client = new SignerClient(fixture.config('release').SIGNER_SOCKET)
    const sequences = (await client.request('status', {})).sequences
    expect(Math.max(0, ...sequences.values())).toBeGreaterThanOrEqual(signed)
    for (const request of requests.slice(0, Math.max(0, ...sequences.values())))
      await expect(client.request('sign', request)).rejects.toMatchObject({
        detail: { code: 'SEQUENCE_OVERTAKEN', check: 9 },
      })
    await client.close()
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
})

describe('keygen', () => {
  it('makes keys in the token and prints their public halves', () => {
    const { status, stdout } = run({}, 'keygen', '--role', 'manifest-a', '--role', 'krl')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual([
      { role: 'manifest-a', keyId: expect.stringMatching(/^[0-9a-f]{64}$/), alg: -19, publicKey: expect.any(String) },
      { role: 'krl', keyId: expect.stringMatching(/^[0-9a-f]{64}$/), alg: -19, publicKey: expect.any(String) },
    ])
  })

  it('takes the PIN from the credential that systemd gives the service', () => {
    const credentials = join(fixture.folder, 'credentials')
    mkdirSync(credentials)
    copyFileSync(fixture.token.pinFile, join(credentials, 'pin'))
    const change = { PKCS11_PIN_FILE: undefined, CREDENTIALS_DIRECTORY: credentials }
    const { status, stdout } = run(change, 'keygen', '--role', 'freshness')
    expect([status, JSON.parse(stdout)]).toEqual([0, [expect.objectContaining({ role: 'freshness' })]])
  })

  it('takes no PIN on its command line, and does not repeat it', () => {
    const { status, stderr, stdout } = run({}, 'keygen', '--role', 'krl', '--pin=24680-user')
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^signer: CONFIGURATION \(name: keygen.*'--pin'/)
    expect(stderr).not.toContain('24680')
  })

  it.each([
    ['no role', [], /CONFIGURATION \(name: --role, why: name at least one\)/],
    ['an unknown role', ['--role', 'boss'], /unknown role boss/],
    ['an unknown option', ['--out', 'x'], /CONFIGURATION \(name: keygen/],
  ])('refuses %s', (_, args, line) => {
    const { status, stderr } = run({}, 'keygen', ...args)
    expect(stderr).toMatch(line)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(status).toBe(1)
  })
})

describe('doctor', () => {
  it('says in words that everything is in place, and with --json the same for programs', () => {
    const inWords = run({}, 'doctor')
    expect(inWords.status).toBe(0)
    expect(inWords.stdout).toMatch(/^ok +settings .*\n(.*\n)+everything is in place\n$/)
    const { status, stdout } = run({}, 'doctor', '--json')
    expect([status, JSON.parse(stdout)]).toMatchObject([0, { isGood: true, failed: null }])
  })

  it('ends with 1 and names the first step that fails, without the PIN that it tried', () => {
    const change = { PKCS11_PIN_FILE: wrongPin() }
    const inWords = run(change, 'doctor')
    expect(inWords.status).toBe(1)
    expect(inWords.stdout).toMatch(/\nfailed +login +TOKEN_PIN why: .*\n +next: .*\nnot-reached +keys +needs "login"\n/)
    expect(inWords.stdout).toMatch(/\nthe first step that fails: login\n$/)
    const { status, stdout } = run(change, 'doctor', '--json')
    expect([status, JSON.parse(stdout)]).toMatchObject([1, { isGood: false, failed: 'login' }])
    expect(inWords.stdout + stdout).not.toContain('31415926\n')
  })

  it('refuses an option that there is not, and shows the ones there are', () => {
    expect(run({}, 'doctor', '--quick').stderr).toMatch(/^signer: CONFIGURATION \(name: doctor, .*--quick/)
    for (const words of [['--help'], ['doctor', '--help'], ['keygen', '--help']])
      expect(run({}, ...words)).toMatchObject({ status: 0, stdout: expect.stringContaining('signer doctor [--json]') })
  })
})
