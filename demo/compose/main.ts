import { Refusal } from '../../src/domain/refusal.js'
import { requireFreePort } from '../../src/embedded/free-port.js'
import { readArguments } from '../arguments.js'
import { describeFailure } from '../failure.js'
import { programs } from '../programs.js'
import { Story } from '../story.js'
import { bringUp, requireReady } from './bring-up.js'
import { ComposeFolder } from './compose-folder.js'
import { Compose } from './compose.js'

const HELP = `npm run compose -- up|down [options]

The whole system in containers on this machine (profile laptop: the tokens are SoftHSM2). docs/runbooks/compose.md
says each step.

  up                  builds the images, holds the first ceremony when there was none, starts everything
  down                stops and removes the containers; volumes, keys and secrets stay
  down --all          removes those too: nothing is left of the installation

  --port N            the server's port on 127.0.0.1 (default 8080)
  --mqtt-port N       the devices' port of the broker on 127.0.0.1 (default 1883)
  --mqtt-tls-port N   the same for devices with certificates (default 8883)
  --devices N         simulated devices (default 20)
  --no-build          take the images as they are
  --help              this text

Example: npm run compose -- up --port 8090 --devices 50`

const folderName = '.compose'

async function up(compose: Compose, story: Story, devices: number): Promise<void> {
  const folder = new ComposeFolder(`${programs.project}/${folderName}`)
  if (folder.isReady) {
    folder.writeBrokerCertificate()
    await compose.run('up', '-d', '--no-build')
  } else await bringUp({ compose, folder, story, devices })
  await requireReady(compose)
  await compose.run('--profile', 'fleet', 'up', '-d', '--no-build')
  process.stdout.write(`
The system is up. PROFILE IS LAPTOP: the tokens are software, their keys plain files in Docker's volumes.

  server       ${compose.url}
  API          ${compose.url}/api/docs
  people       ${folder.keys}: login, key (key.json) and passphrase, a folder each
  stop         npm run compose -- down

Try:  COUNTERSIGN_HOME=${folder.keys}/fleet-1 node ${programs.cli} device list
`)
}

async function down(compose: Compose, isAll: boolean): Promise<void> {
  await compose.run('--profile', 'fleet', '--profile', 'setup', 'down', ...(isAll ? ['--volumes'] : []))
  if (isAll) new ComposeFolder(`${programs.project}/${folderName}`).remove()
}

function requireNumber(name: string, text: string, most: number): number {
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= most) return Number(text)
  throw new Refusal('CONFIGURATION', { name: `--${name}`, why: `${text}: not a number from 1 to ${most}` })
}

async function main(): Promise<void> {
  const { values, positionals } = readArguments({
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '8080' },
      'mqtt-port': { type: 'string', default: '1883' },
      'mqtt-tls-port': { type: 'string', default: '8883' },
      devices: { type: 'string', default: '20' },
      'no-build': { type: 'boolean' },
      all: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  const [command] = positionals
  if (values.help === true || (command !== 'up' && command !== 'down')) {
    process.stdout.write(`${HELP}\n`)
    process.exitCode = values.help === true ? 0 : 2
    return
  }
  const given = { port: values.port, 'mqtt-port': values['mqtt-port'], 'mqtt-tls-port': values['mqtt-tls-port'] }
  const [port = 0, mqttPort = 0, mqttTlsPort = 0] = Object.entries(given).map(([name, text]) =>
    requireNumber(name, text, 65_535),
  )
  const devices = requireNumber('devices', values.devices, 1_000)
  const folder = `${programs.project}/${folderName}`
  const names = { project: 'countersign', images: 'countersign', folder }
  const compose = await Compose.find({ ...names, port, mqttPort, mqttTlsPort, devices })
  if (command === 'down') return down(compose, values.all === true)
  const isUp = (await compose.try('ps', '-q', 'server')).output.trim() !== ''
  if (!isUp) for (const each of [port, mqttPort, mqttTlsPort]) await requireFreePort(each)
  const story = new Story()
  story.chapter(`Starting with ${compose.command.join(' ')}`)
  if (values['no-build'] !== true) {
    await compose.run('--profile', 'fleet', 'build')
    story.tell('the images are built')
  }
  await up(compose, story, devices)
}

main().catch((error: unknown) => {
  process.stderr.write(`\n${describeFailure(error)}\n`)
  process.exit(1)
})
