import { describe, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  brokerConfiguration,
  certificateRules,
  DEVICE_RULES,
  SERVER_RULES,
} from '../../src/embedded/broker-configuration.js'
import { projectRoot } from './planted-project.js'

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8')

/** Settings alone: no comments, and where a file or a listener is stands for itself. */
const settings = (text: string): string[] =>
  text.split('\n').flatMap((line) => {
    const [name = '', ...values] = line.split(' ')
    if (name === '' || name === '#') return []
    return [/^(listener|.*_(file|location))$/.test(name) ? name : [name, ...values].join(' ')]
  })

describe('files of the set-up in containers', () => {
  it("hold the broker's rules that the product is tested with", () => {
    expect(read('deploy/compose/devices.acl')).toBe(DEVICE_RULES)
    expect(read('deploy/compose/servers.acl')).toBe(SERVER_RULES)
    expect(read('deploy/compose/certificates.acl')).toBe(certificateRules(['NAMESPACE']))
    expect(read('deploy/compose/start-broker')).toContain('sed "s|NAMESPACE|$COUNTERSIGN_NAMESPACE|"')
    expect(read('docker-compose.yml')).toMatch(/^ {2}broker:\n(?: {4}.*\n)* {6}COUNTERSIGN_NAMESPACE: /m)
  })

  it("hold the broker's settings that the product is tested with", () => {
    const embedded = settings(brokerConfiguration({ folder: '/broker', devicePort: 1883, serverPort: 1884 }))
    expect(embedded).toContain('use_username_as_clientid true')
    expect(settings(read('deploy/compose/mosquitto.conf'))).toEqual(embedded)
    const [certificateFile = '', keyFile = '', authoritiesFile = ''] = [
      'broker.crt',
      'broker.key',
      'authorities.pem',
    ].map((name) => `/etc/countersign-tls/${name}`)
    const files = { certificateFile, keyFile, authoritiesFile, namespaces: [] }
    const layout = { folder: '/broker', devicePort: 1883, serverPort: 1884, certificates: { port: 8883, ...files } }
    const listener = settings(brokerConfiguration(layout)).slice(embedded.length)
    expect(listener).toContain('require_certificate true')
    expect(settings(read('deploy/compose/certificates.conf'))).toEqual(listener)
  })

  it('send along every script that the images are built with', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const scriptsIn = (text: string): string[] =>
      [...text.matchAll(/node (scripts\/\S+)/g)].map(([, path = '']) => path)
    const missing = (dockerfile: string): string[] => {
      const commands = [...dockerfile.matchAll(/npm run (\S+)/g)].map(([, name = '']) => scripts[name] ?? '')
      const sent = read('.dockerignore').split('\n')
      return [dockerfile, ...commands].flatMap(scriptsIn).filter((path) => !sent.includes(`!${path}`))
    }
    const runs = read('Dockerfile').replace(/^#.*$/gm, '')
    expect(scriptsIn(runs)).toContain('scripts/signer-bundle.mjs')
    expect(missing(runs)).toEqual([])
    // As it was once: the command line was bundled by a script that no image is built with.
    expect(missing('RUN npm run build && mkdir bundles')).toEqual(['scripts/bundle-cli.mjs'])
  })

  it('keep state below a volume, since its mark and its host id lie beside it', () => {
    const text = read('docker-compose.yml')
    const state = /SIGNER_STATE_DIR: (\S+)/.exec(text)?.[1] ?? ''
    expect(text).toContain(`release-state:${dirname(state)}\n`)
    expect(text).toContain(`online-state:${dirname(state)}\n`)
  })

  it('publish ports to this machine alone', () => {
    const published = (text: string): string[] => text.match(/^ +ports: .*$/gm) ?? []
    const open = (lines: readonly string[]): string[] =>
      lines.filter((line) => !/: \[('127\.0\.0\.1:[^,']*'(, )?)+\]$/.test(line))
    const lines = published(read('docker-compose.yml'))
    expect(lines).toHaveLength(2)
    expect(open(lines)).toEqual([])
    for (const ports of ["'8080:8080'", "'127.0.0.1:1:1', '8080:8080'", "'127.0.0.1:1:1', '0.0.0.0:2:2'"])
      expect(open([`    ports: [${ports}]`])).toHaveLength(1)
  })
})
