/** What a fresh clone lacks: node_modules, and for the tests a Chromium, a redis-server and strace. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { dim, root, run, yellow } from './run.mjs'

/** Installs the packages where they are missing or not those of package-lock.json. */
export async function ensurePackages() {
  if (packagesAreCurrent()) return true
  console.log(dim('Installing packages (npm ci) …'))
  return (await run('npm', ['ci', '--no-audit', '--no-fund'])).ok
}

/**
 * Finds a Chromium, a redis-server and strace, or installs them; `packages` settles once node_modules is there.
 * @returns {Promise<{ chromium: string | undefined, redisServer: string | undefined, strace: string | undefined }>} their paths
 */
export async function ensureTools(packages) {
  if (canUseApt()) {
    const missing = []
    // Ubuntu's `chromium` package is a snap, which does not run in a container.
    if (!findChromium() && osRelease().ID === 'debian') missing.push('chromium')
    if (!findRedisServer()) missing.push('redis-server')
    if (!findStrace()) missing.push('strace')
    if (missing.length > 0) await aptInstall(missing)
  }
  if ((await packages) && !findChromium()) await installPlaywrightChromium()
  return { chromium: findChromium(), redisServer: findRedisServer(), strace: findStrace() }
}

export function findChromium() {
  const installed = [process.env.CHROMIUM_PATH, ...CHROMIUM_NAMES.map(onPath), ...CHROMIUM_PATHS, playwrightChromium()]
  return installed.find((path) => path && existsSync(path))
}

export function findRedisServer() {
  return [process.env.REDIS_SERVER_PATH, onPath('redis-server')].find((path) => path && existsSync(path))
}

function findStrace() {
  return onPath('strace')
}

const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const CHROMIUM_PATHS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** npm leaves a copy of the lock file of what it installed, as its last act: an interrupted `npm ci` has none. */
function packagesAreCurrent() {
  const installed = packagesIn('node_modules/.package-lock.json')
  if (!installed) return false
  return Object.entries(packagesIn('package-lock.json') ?? {}).every(
    ([path, { version, optional }]) =>
      path === '' || installed[path]?.version === version || (optional && !installed[path]),
  )
}

function packagesIn(lockFile) {
  try {
    return JSON.parse(readFileSync(join(root, lockFile), 'utf8')).packages
  } catch {
    return undefined
  }
}

function onPath(name) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

function playwrightChromium() {
  try {
    return createRequire(import.meta.url)('playwright').chromium.executablePath()
  } catch {
    return undefined
  }
}

function osRelease() {
  try {
    const lines = readFileSync('/etc/os-release', 'utf8').matchAll(/^(\w+)="?([^"\n]*)"?$/gm)
    return Object.fromEntries([...lines].map(([, name, value]) => [name, value]))
  } catch {
    return {}
  }
}

function canUseApt() {
  return process.getuid?.() === 0 && onPath('apt-get') !== undefined
}

async function aptInstall(packages) {
  console.log(dim(`Installing ${packages.join(' and ')} (apt-get) …`))
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const quiet = true
  // A stale list is often good enough, and a mirror that does not answer should not stop what is cached.
  await run('apt-get', ['update', '-qq'], { env, quiet })
  const { ok, output } = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env, quiet })
  if (!ok) console.error(yellow(`apt-get install ${packages.join(' ')} failed:\n${output}`))
}

async function installPlaywrightChromium() {
  console.log(dim('Installing Chromium (playwright) …'))
  const withDependencies = canUseApt() ? ['--with-deps'] : []
  const { ok, output } = await run('npx', ['--no-install', 'playwright', 'install', '--no-shell', ...withDependencies, 'chromium'], { quiet: true })
  if (!ok) console.error(yellow(`playwright install chromium failed:\n${output.slice(0, 1_000)}`))
}
