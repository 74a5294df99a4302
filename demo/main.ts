/** One address, two pages: the stage, or one device of one person. */
import { createAirplaneMode } from './airplane-mode.js'
import { parseAddress, storageNameOf } from './address.js'
import { createDevicePage } from './device-page.js'
import { showFavicon } from './favicon.js'
import { openPresence } from './open-presence.js'
import { createRefusal } from './refusal.js'
import { createStage } from './stage.js'

const address = parseAddress(location.search)
showFavicon('online')
document.body.append(pageFor())

function pageFor(): HTMLElement {
  if (address.page === 'stage') return createStage(address)
  const airplane = createAirplaneMode(storageNameOf(address))
  try {
    return createDevicePage(openPresence(address, airplane), address, airplane)
  } catch (error) {
    // An unusable name or interval in the address: the service says what is wrong with it.
    return createRefusal(error)
  }
}
