// Brings docker-compose.yml up for real, runs the main job through it, proves what it promises, removes all of it.
//   npm run test:compose -- [--keep] [--devices N] [--with "docker compose"|docker-compose]
// Takes the Docker engine that answers, else starts one of its own in a temporary folder and ends it (as root, where
// Debian's docker.io is installed). Base images that are absent are made from Debian's packages: this needs no image
// registry. --keep leaves containers and images where they are. Not part of `npm test`.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const images = ['server', 'signer-softhsm', 'broker', 'device-sim'].map((name) => `countersign-test/${name}`)
const ENGINE_LIMIT_MS = 60_000

const { values } = parseArgs({
  options: {
    keep: { type: 'boolean', default: false },
    devices: { type: 'string', default: '20' },
    with: { type: 'string' },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'countersign-docker-'))
const environment = { ...process.env }
let engine = null

const docker = (...args) => spawnSync('docker', args, { env: environment, encoding: 'utf8' })
const answers = () => docker('version', '--format', '{{.Server.Version}}').status === 0

/** @returns its process, or null where one answered already. */
async function startEngine() {
  if (answers()) return null
  const socket = join(folder, 'docker.sock')
  const logFile = join(folder, 'engine.log')
  const log = openSync(logFile, 'w')
  const options = [
    ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'run'), '--pidfile', join(folder, 'pid')],
    ...['--host', `unix://${socket}`],
  ]
  const started = spawn('dockerd', options, { stdio: ['ignore', log, log] })
  closeSync(log)
  const failed = new Promise((resolve) => {
    started.once('error', (error) => resolve(error.message))
    started.once('exit', () => resolve(readFileSync(logFile, 'utf8').trim().split('\n').at(-1)))
  })
  environment.DOCKER_HOST = `unix://${socket}`
  const until = performance.now() + ENGINE_LIMIT_MS
  while (performance.now() < until) {
    if (answers()) return started
    const why = await Promise.race([failed, sleep(250, null)])
    if (why !== null) throw new Error(`no Docker engine answers and none can be started: ${why}`)
  }
  started.kill('SIGTERM')
  throw new Error(`the Docker engine did not answer within ${ENGINE_LIMIT_MS / 1_000} s`)
}

async function stopEngine() {
  if (engine === null) return
  const ended = new Promise((resolve) => engine.once('exit', resolve))
  engine.kill('SIGTERM')
  await ended
  // The engine leaves its own network namespace mounted in its folder, which could then not be removed.
  spawnSync('umount', [join(folder, 'run/netns/default')])
  console.log('the Docker engine of this run is ended')
}

/** Runs a program in the foreground. @returns what it printed on standard output, which is shown as well where asked for. */
function run(command, args, isShown) {
  const { status, stdout, error } = spawnSync(command, args, {
    cwd: root,
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', isShown ? 'inherit' : 'pipe', isShown ? 'inherit' : 'pipe'],
  })
  if (error) throw error
  return { status, output: stdout ?? '' }
}

function makeBaseImages() {
  const startedMs = performance.now()
  const { status, output } = run(join(root, 'test/compose/make-base-images'), [folder], false)
  if (status !== 0) throw new Error('a base image could not be made; run test/compose/make-base-images to see why')
  const made = output.split('\n').filter((line) => line !== '')
  console.log(
    `base images made: ${made.join(', ') || 'none'} (${Math.round((performance.now() - startedMs) / 1_000)} s)`,
  )
  return made
}

// Ctrl-C reaches what runs in the foreground through the terminal; this process stays to clear up.
process.on('SIGINT', () => undefined)
let code = 1
let made = []
try {
  engine = await startEngine()
  made = makeBaseImages()
  const options = ['--devices', values.devices]
  if (values.with !== undefined) options.push('--with', values.with)
  if (values.keep) options.push('--keep')
  code = run(process.execPath, [join(root, 'dist/demo/compose/prove.js'), ...options], true).status ?? 1
} catch (error) {
  console.error(error.message)
  console.log('0 passed, 1 failed')
}
// An engine of our own goes with its folder, images and all; a failure here is told and fails the run.
if (engine === null && !values.keep) {
  const { status, stderr } = docker('rmi', '--force', ...images, ...made)
  if (status !== 0) console.error(stderr.trim())
}
if (engine !== null && values.keep)
  console.log(`the engine goes on: DOCKER_HOST=${environment.DOCKER_HOST} (process ${engine.pid})`)
else {
  await stopEngine()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(code)
