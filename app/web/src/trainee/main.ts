import { createApp } from 'vue'
import { cameraKey, createCamera } from '@/shared/camera/camera'
import { whenSignedOut } from '@/shared/api/http'
import App from './App.vue'
import { router } from './router'
import { session } from './session'
import 'vant/es/dialog/style'
import 'vant/es/toast/style'
import './styles/tokens.css'
import './styles/base.css'

whenSignedOut(() => {
  session.forget()
  const here = router.currentRoute.value
  if (!here.meta.isPublic) void router.replace({ name: 'login', query: { next: here.fullPath, ended: '1' } })
})

createApp(App).provide(cameraKey, createCamera()).use(router).mount('#app')
