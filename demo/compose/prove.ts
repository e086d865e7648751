import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findFreePorts } from '../../src/embedded/free-port.js'
import { describeFailure } from '../failure.js'
import { runCommand } from '../person.js'
import { Story } from '../story.js'
import { bringUp } from './bring-up.js'
import { ComposeFolder } from './compose-folder.js'
import { Compose } from './compose.js'
import { proofs } from './proof.js'

// Brings an installation of its own up in containers, proves what it promises, removes all of it again.
const { values } = parseArgs({
  options: {
    with: { type: 'string' },
    devices: { type: 'string', default: '20' },
    keep: { type: 'boolean', default: false },
    'no-build': { type: 'boolean', default: false },
  },
})
const devices = Number(values.devices)
const [port = 0, mqttPort = 0, mqttTlsPort = 0] = await findFreePorts(3)
const folder = new ComposeFolder(mkdtempSync(join(tmpdir(), 'countersign-compose-')))
const names = { project: `countersign-test-${process.pid}`, images: 'countersign-test' }
const compose = await Compose.find({ ...names, folder: folder.root, port, mqttPort, mqttTlsPort, devices }, values.with)
const story = new Story()
let passed = 0
let failed = 0

async function build(): Promise<void> {
  if (values['no-build']) return
  await compose.run('--profile', 'fleet', 'build')
  story.tell('the images are built')
}

async function prove(): Promise<void> {
  story.chapter(`An installation with ${compose.command.join(' ')}`)
  await build()
  const access = await bringUp({ compose, folder, story, devices })
  await compose.run('--profile', 'fleet', 'up', '-d', '--no-build')
  for (const proof of proofs) {
    try {
      await proof.run({ compose, folder, access, story, devices })
      passed += 1
      story.tell(`ok    ${proof.name}`)
    } catch (error) {
      failed += 1
      story.tell(`FAIL  ${proof.name}\n              ${describeFailure(error)}`)
    }
  }
}

async function removeAll(): Promise<void> {
  await compose.run('--profile', 'fleet', '--profile', 'setup', 'down', '--volumes', '--timeout', '5')
  folder.remove()
  const ours = ['--filter', `label=com.docker.compose.project=${names.project}`, '-q']
  for (const list of [
    ['ps', '-a'],
    ['volume', 'ls'],
    ['network', 'ls'],
  ]) {
    const { output } = await runCommand(['docker', ...list, ...ours], process.env)
    if (output.trim() !== '') throw new Error(`left behind (docker ${list.join(' ')}): ${output.trim()}`)
  }
  story.tell('containers, volumes, networks and secrets are removed')
}

// Ctrl-C reaches Docker's commands through the terminal, they end, and the clearing up below follows.
process.on('SIGINT', () => undefined)
try {
  await prove()
} catch (error) {
  failed += 1
  process.stderr.write(`\n${describeFailure(error)}\n`)
}
try {
  if (!values.keep) await removeAll()
} catch (error) {
  failed += 1
  process.stderr.write(`\n${describeFailure(error)}\n`)
}
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 ? 0 : 1)
