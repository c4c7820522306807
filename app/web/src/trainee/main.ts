import { createApp } from 'vue'
import { cameraKey, createCamera } from '@/shared/camera/camera'
import { whenSignedOut } from '@/shared/api/http'
import App from './App.vue'
import { router } from './router'
import { session } from './session'
// The dialog's styles one by one: its bundle would bring a font of icons from a foreign address.
import 'vant/es/style/base.css'
import 'vant/es/loading/index.css'
import 'vant/es/button/index.css'
import 'vant/es/overlay/index.css'
import 'vant/es/popup/index.css'
import 'vant/es/dialog/index.css'
import './styles/tokens.css'
import './styles/base.css'

whenSignedOut(() => {
  session.forget()
  const here = router.currentRoute.value
  if (!here.meta.isPublic) void router.replace({ name: 'login', query: { next: here.fullPath, ended: '1' } })
})

createApp(App).provide(cameraKey, createCamera()).use(router).mount('#app')
