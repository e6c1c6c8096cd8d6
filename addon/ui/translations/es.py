# SPDX-License-Identifier: GPL-3.0-or-later
"""Spanish. Blender's own Spanish gives the tone (nobody is addressed: “comprobar”, “se permite”) and the words: complemento,
preferencias, barra lateral, acceso en línea.

Ours are: anfitrión (host), sala (room), invitación (invite), código de verificación (check code), llamar (to knock), equipo (machine),
cortafuegos (firewall).
"""

from .es_engine import ENGINE

BUTTONS = {
    "Connect": "Conectar",
    "Host": "Alojar",
    "Disconnect": "Desconectar",
    "Cancel": "Cancelar",
    "Create Room": "Crear sala",
    "Join Room": "Entrar en la sala",
    "Leave Room": "Salir de la sala",
    "Leave": "Salir",
    "Flush": "Sincronizar",
    "Copy Invite": "Copiar invitación",
    "Revoke Invites": "Revocar invitaciones",
    "Restart Server": "Reiniciar servidor",
    "Set Password": "Definir contraseña",
    "Change Password": "Cambiar contraseña",
    "Set Room Password": "Definir contraseña de la sala",
    "Change Room Password": "Cambiar contraseña de la sala",
    "Let In": "Admitir",
    "Let In Once": "Admitir una vez",
    "Let In for Good": "Admitir siempre",
    "Refuse": "Rechazar",
    "Refuse Once": "Rechazar una vez",
    "Refuse for Good": "Rechazar siempre",
    "Remove User": "Expulsar usuario",
    "Allow Again": "Volver a permitir",
    "The Codes Are Equal": "Los códigos coinciden",
    "Forget Host": "Olvidar anfitrión",
    "Forget All": "Olvidar todos",
    "Use This Host": "Usar este anfitrión",
    "Paste": "Pegar",
    "Check Network": "Comprobar red",
    "Copy Report": "Copiar informe",
    "Open Tunnel": "Abrir túnel",
    "Close Tunnel": "Cerrar túnel",
    "Copy": "Copiar",
    "Copy Details": "Copiar detalles",
    "Keep a Copy and Join": "Conservar una copia y entrar",
    "Save and Join": "Guardar y entrar",
    "Join Without Saving": "Entrar sin guardar",
    "Do Not Join": "No entrar",
    "Join Again": "Volver a entrar",
}

TEXTS = {
    **ENGINE,
    # what is under way
    "the invite's host": "el anfitrión de la invitación",
    "Connecting to {address}.": "Conectando con {address}.",
    "Connecting to {address}": "Conectando con {address}",
    "Disconnecting.": "Desconectando.",
    "Forgetting the host's key.": "Olvidando la clave del anfitrión.",
    "Making an invite.": "Creando una invitación.",
    "Revoking the invites.": "Revocando las invitaciones.",
    "Restarting the server.": "Reiniciando el servidor.",
    "Start the server of this machine anew, with the settings that Blender has now. Who is connected is back within seconds": "Inicia "
    "de nuevo el servidor de este equipo, con los ajustes que Blender tiene ahora. Quien está conectado vuelve en unos segundos",
    "Who is connected is back within seconds, and so are the rooms with somebody in them.": "Quien está conectado vuelve en unos "
    "segundos, y también las salas en las que hay alguien.",
    "Nobody is in “{room}”: it is lost.": "No hay nadie en “{room}”: se pierde.",
    "The server still has the settings with which it was started.": "El servidor sigue con los ajustes con los que se inició.",
    "Setting the password.": "Definiendo la contraseña.",
    "Creating the room “{name}”.": "Creando la sala “{name}”.",
    "Joining the room “{name}”.": "Entrando en la sala “{name}”.",
    "Leaving the room.": "Saliendo de la sala.",
    "Waiting until everything has arrived.": "Esperando a que llegue todo.",
    "Asking for the room": "Pidiendo la sala",
    "Looking for a server on this machine": "Buscando un servidor en este equipo",
    "Starting a server on this machine": "Iniciando un servidor en este equipo",
    "Reading the scene": "Leyendo la escena",
    "Sending the scene": "Enviando la escena",
    "Building the scene": "Construyendo la escena",
    "Receiving the room": "Recibiendo la sala",
    "Check code: {code}": "Código de verificación: {code}",
    "Made with Blender {theirs}; this is Blender {ours}.": "Creada con Blender {theirs}; este es Blender {ours}.",
    "Its creator is still uploading the scene.": "Quien la creó todavía está enviando la escena.",
    # the status line
    "{what} ({seconds} s)": "{what} ({seconds} s)",
    "Waiting while Blender renders": "En espera mientras Blender procesa imágenes",
    "{address} is not trusted yet": "Todavía no se confía en {address}",
    "Waiting for {address} to let you in ({seconds} s)": "Esperando que {address} permita la entrada ({seconds} s)",
    "The server is being restarted: the connection comes back by itself ({seconds} s)": "El servidor se está reiniciando: la conexión "
    "vuelve por sí sola ({seconds} s)",
    "Connection lost; attempt {attempt} ({seconds} s)": "Se perdió la conexión; intento {attempt} ({seconds} s)",
    "Not connected": "Sin conexión",
    "Connected to {address} since {time}": "Conectado con {address} desde {time}",
    # panels
    "Atrium": "Atrium",
    "On This Network": "En esta red",
    "Who hosts on the local network": "Anfitriones en la red local",
    "A host's rooms are shown once you have been let in there.": "Las salas de un anfitrión se muestran cuando ya se ha sido admitido allí.",
    "{room}, nobody there": "{room}, nadie",
    "{room}, 1 person": "{room}, 1 persona",
    "{room}, {count} people": "{room}, {count} personas",
    "Nobody answered on this network.": "Nadie ha respondido en esta red.",
    "The firewall {tool} is active on this machine and may drop the answers of those who host.": "El cortafuegos {tool} está activo en "
    "este equipo y puede descartar las respuestas de los anfitriones.",
    "To let them in, run this in a terminal:": "Para dejarlas pasar, ejecutar esto en una terminal:",
    "Somebody Knocks": "Alguien llama",
    "Who asks to enter": "Quién pide entrar",
    "Kept Out": "Sin acceso",
    "Whom you have refused for good": "A quién se rechazó para siempre",
    "Without a name": "Sin nombre",
    "Keep this person out no longer. They come in again with an invite or the password, or you are asked when they knock": "Deja de "
    "impedir la entrada a esta persona. Vuelve a entrar con una invitación o la contraseña, o se pregunta cuando llame",
    "{name} asks to enter, with the code": "{name} pide entrar, con el código",
    "Others Connect To": "Los demás se conectan a",
    "How others reach this machine": "Cómo llegan los demás a este equipo",
    "Rooms": "Salas",
    "Room": "Sala",
    "The host sees your name and this code:": "El anfitrión ve el nombre del usuario y este código:",
    "Blender is set to stay offline: only this machine can be connected, and others cannot join here.": "Blender está configurado para "
    "permanecer sin conexión: solo es posible conectar con este equipo, y nadie más puede entrar aquí.",
    "Allow Online Access": "Permitir acceso en línea",
    "It was started with --offline-mode.": "Se inició con --offline-mode.",
    "You have never connected to {address}. Ask its owner whether the panel there shows this code:": "Primera conexión con {address}. "
    "Preguntar a su propietario si el panel muestra allí este código:",
    "The invite is copied: paste it into a message to those you want here.": "Invitación copiada: pegarla en un mensaje para quienes "
    "deban entrar.",
    "This invite works on this machine only, which has no address for others: connect it to a network, a VPN or a tunnel, and copy a new "
    "one.": "Esta invitación solo es válida en este equipo, que no tiene ninguna dirección para otros: conectarlo a una red, una VPN o un túnel, y "
    "copiar una nueva.",
    "It works until {time} today.": "Es válida hasta hoy a las {time}.",
    "It works until {date}, {time}.": "Es válida hasta el {date} a las {time}.",
    "All invites are revoked. Who came by one is still let in; for others copy a new one.": "Todas las invitaciones están revocadas. "
    "Quien entró con una podrá seguir entrando; para otros, copiar una nueva.",
    "Revoke all invites?": "¿Revocar todas las invitaciones?",
    "No link that you gave out lets anybody in any more.": "Ningún enlace repartido permitirá ya entrar a nadie.",
    "Revoke": "Revocar",
    "The invite that you copied works no longer: copy a new one.": "La invitación copiada ya no es válida: copiar una nueva.",
    "It opens the room “{room}” only.": "Abre solo la sala “{room}”.",
    "It opens every room.": "Abre todas las salas.",
    "It works until you revoke it.": "Es válida hasta que se revoque.",
    "Host: an invite or an address": "Anfitrión: invitación o dirección",
    "Public address, for invites": "Dirección pública, para invitaciones",
    "Whoever connects for the first time is shown this code:": "Quien se conecta por primera vez ve este código:",
    "The room that you had chosen is gone: choose another one.": "La sala elegida ya no está: elegir otra.",
    "What others have changed is not in your file yet: save it to keep that.": "Lo que otros han cambiado aún no está en el archivo: guardarlo para "
    "conservarlo.",
    "The room that you were let into is not here any more: connect again to ask the host, or ask for a new invite.": "La sala a la que se "
    "dio acceso ya no está aquí: conectar otra vez para preguntar al anfitrión, o pedir una invitación nueva.",
    "There is no room here yet: create one with your scene.": "Aquí todavía no hay ninguna sala: crear una con la escena actual.",
    "The scene of “{room}” takes the place of yours, which has changes that are not saved.": "La escena de “{room}” reemplaza a la "
    "actual, que contiene cambios no guardados.",
    "It cannot be saved in place, as it has no file name yet.": "No es posible guardarla, pues todavía no tiene nombre de archivo.",
    "You left “{room}” when another file was loaded.": "Se salió de “{room}” al cargar otro archivo.",
    "Joining": "Entrando",
    "{name} (you)": "{name} (yo)",
    "Go on working: what you change ({count} so far) is sent when the connection is back.": "Es posible seguir trabajando: los "
    "cambios ({count} hasta ahora) se enviarán cuando vuelva la conexión.",
    "{count} changes on their way": "{count} cambios en camino",
    "All changes sent": "Todos los cambios enviados",
    "In the room, but not in this Blender: {count}": "En la sala, pero no en este Blender: {count}",
    "In this Blender, but not in the room: {count}": "En este Blender, pero no en la sala: {count}",
    "Opening a tunnel with {program}.": "Abriendo un túnel con {program}.",
    "Opening a tunnel with {program}": "Abriendo un túnel con {program}",
    "Closing the tunnel": "Cerrando el túnel",
    "Open Tunnel ({program})": "Abrir túnel ({program})",
    "Hosts": "Anfitriones",
    "Hosts that you were at": "Anfitriones anteriores",
    "Forget": "Olvidar",
    "Take addresses off the list": "Quita direcciones de la lista",
    "Network Check": "Comprobación de red",
    "Checking the network": "Comprobando la red",
    "Checking the network.": "Comprobando la red.",
    "If others cannot connect, run this in a terminal:": "Si otros no pueden conectar, ejecutar esto en una terminal:",
    # operators
    "Connect to the host in the Host box. If that is this machine and no server runs here, one is started": "Conecta con el anfitrión "
    "indicado. Si es este equipo y aquí no hay ningún servidor, se inicia uno",
    "Host on this machine: starts a server if none runs here, and connects to it": "Hace de anfitrión en este equipo: inicia un servidor, "
    "si todavía no hay uno, y se conecta a él",
    "Connect to this host on the local network, and join the room if it is a room's row. Unless you have been there before, you are "
    "shown its check code first": "Conecta con este anfitrión de la red local y, si la fila es de una sala, entra en ella. La primera vez "
    "se muestra antes su código de verificación",
    "Leave the room and end the connection; what you changed is sent first": "Sale de la sala y termina la conexión; antes se envían "
    "los cambios hechos",
    "Give up what is under way, at once; your scene stays as it is": "Abandona de inmediato lo que está en curso; la escena queda como "
    "está",
    "Create a room with your scene, which others can join": "Crea con la escena actual una sala en la que otros pueden entrar",
    "Join the room: its scene takes the place of yours. Unsaved changes are asked about first": "Entra en la sala: su escena reemplaza "
    "a la actual. Antes se pregunta por los cambios no guardados",
    "Leave the room; the scene stays here as it is, and what you changed is sent first": "Sale de la sala; la escena queda aquí como "
    "está, y antes se envían los cambios hechos",
    "Wait until all your changes are with the server and all changes of others are here": "Espera hasta que el servidor tenga todos "
    "los cambios propios y aquí estén los de los demás",
    "Make a link that lets in whoever pastes it into the Host box, and copy it. Send it to the people you want here": "Crea y copia un "
    "enlace que permite entrar a quien lo pegue en el campo Anfitrión. Enviarlo a quienes deban entrar",
    "All invites that were given out stop working. Whoever has come in with one is still let in": "Todas las invitaciones repartidas "
    "dejan de funcionar. Quien ya entró con una podrá seguir entrando",
    "Let in whoever knows this password, to everything or to one room. Empty: nobody": "Permite entrar a quien conozca esta contraseña, a "
    "todo o a una sala. Vacía: a nadie",
    "Name or id of the room that it opens; empty: everything": "Nombre o identificador de la sala que abre; vacío: todo",
    "Password of “{room}”": "Contraseña de “{room}”",
    "Left empty, no password opens the door.": "Si se deja vacía, ninguna contraseña permite entrar.",
    "Let this person in. Compare the check code first: names can be chosen freely": "Deja entrar a esta persona. Comparar antes el "
    "código de verificación: los nombres se eligen libremente",
    "Do not let this person in": "No deja entrar a esta persona",
    "Remove this person from the server, with all of their Blenders. What they did stays in the scene": "Expulsa a esta persona del "
    "servidor, con todos sus Blender. Lo que hizo queda en la escena",
    "Remove {name}?": "¿Expulsar a {name}?",
    "Remove User": "Expulsar usuario",
    "User": "Usuario",
    "The person's id, as the list of users has it": "El identificador de la persona, tal como figura en la lista de usuarios",
    "Keep Out for Good": "No dejar entrar nunca más",
    "Not let in again either, not even with an invite or the password": "Tampoco podrá volver a entrar, ni siquiera con una invitación o "
    "la contraseña",
    "They will not be let in again.": "No se le volverá a dejar entrar.",
    "They can come back the way they came.": "Podrá volver por donde vino.",
    "Trust the host with this check code, now and later. Its panel shows the same code if nobody stands in between": "Confía en el "
    "anfitrión con este código de verificación, ahora y más adelante. Su panel muestra el mismo código si nadie se interpone",
    "Forget the key of this host: the next Connect asks for its check code again": "Olvida la clave de este anfitrión: al conectar de "
    "nuevo se volverá a pedir su código de verificación",
    "Put this address into the Host box": "Pone esta dirección en el campo Anfitrión",
    "Put the invite or the address from the clipboard into the Host box: all lines of a message, of which the box itself takes the first "
    "only": "Pone en el campo Anfitrión la invitación o la dirección del portapapeles: todas las líneas de un mensaje, de las que el "
    "propio campo solo toma la primera",
    "The clipboard holds no text.": "El portapapeles no contiene ningún texto.",
    "Take this address off the list of hosts that you were at; without an address, all of them": "Quita esta dirección de la lista de "
    "anfitriones anteriores; sin dirección, todas",
    "Find out whether the host in the Host box can be reached, and who can reach this machine. Nobody is told anything": "Averigua si se "
    "llega al anfitrión indicado y quién puede llegar a este equipo. No se comunica nada a nadie",
    "Its address; empty: what the Host box says": "Su dirección; vacía: la del campo Anfitrión",
    "Start this program: its service passes on who comes from the internet. What passes is encrypted, and read by nobody else": "Inicia "
    "este programa: su servicio deja pasar a quienes llegan desde internet. Lo que pasa está cifrado, y nadie más lo lee",
    "Program": "Programa",
    "That is installed on this machine": "Instalado en este equipo",
    "ngrok": "ngrok",
    "cloudflared": "cloudflared",
    "End the tunnel's program: who has come in that way is cut off": "Termina el programa del túnel: quienes entraron por él pierden la "
    "conexión",
    "Give up the network check, or put away what it has found": "Abandona la comprobación de red, o quita lo que encontró",
    "Copy to the clipboard": "Copia al portapapeles",
    "Copied.": "Copiado.",
    # properties of operators
    "Timeout": "Tiempo de espera",
    "Seconds to wait, in background": "Segundos de espera, sin interfaz",
    "Password": "Contraseña",
    "The host's, if it has one and you have no invite": "La del anfitrión, si la tiene y no se dispone de invitación",
    "Host": "Anfitrión",
    "The host's address": "La dirección del anfitrión",
    "Name": "Nombre",
    "Name of the room": "Nombre de la sala",
    "Id of the room to join there": "Identificador de la sala en la que entrar allí",
    "The key that the host must prove": "La clave que el anfitrión debe demostrar",
    "Name or id of the room": "Nombre o identificador de la sala",
    "Unsaved Changes": "Cambios no guardados",
    "What to do with them": "Qué hacer con ellos",
    "Ask": "Preguntar",
    "Ask what to do with unsaved changes; in background: keep a copy": "Preguntar qué hacer con los cambios no guardados; sin "
    "interfaz: conservar una copia",
    "Save": "Guardar",
    "Save the file first": "Guardar antes el archivo",
    "Keep a Copy": "Conservar una copia",
    "Keep the scene as a file in Atrium's folder “recovered”": "Conservar la escena como archivo en la carpeta “recovered” de Atrium",
    "Discard": "Descartar",
    "Join without saving": "Entrar sin guardar",
    "Hours": "Horas",
    "How long it works; 0: for ever": "Cuánto tiempo es válida; 0: para siempre",
    "Works For": "Es válida durante",
    "How long the link works that Copy Invite makes": "Cuánto tiempo es válido el enlace que crea Copiar invitación",
    "1 Hour": "1 hora",
    "1 Day": "1 día",
    "1 Week": "1 semana",
    "Unlimited": "Sin límite",
    "The link works for an hour": "El enlace es válido durante una hora",
    "The link works for a day": "El enlace es válido durante un día",
    "The link works for a week": "El enlace es válido durante una semana",
    "The link works until you revoke it": "El enlace es válido hasta que se revoque",
    "Key": "Clave",
    "Knocks": "Llamadas",
    "For Good": "Para siempre",
    "Also next time, without asking": "También la próxima vez, sin preguntar",
    "Check Code": "Código de verificación",
    "As the host's owner told it": "Tal como lo dijo el propietario del anfitrión",
    "Its address": "Su dirección",
    "Text": "Texto",
    # preferences
    "Hosting": "Al alojar",
    "Port": "Puerto",
    "TCP port of the server that Connect starts on this machine": "Puerto TCP del servidor que se inicia en este equipo",
    "Let Everybody In": "Dejar entrar a todos",
    "The server that Connect starts on this machine lets in everybody who reaches it, unasked": "El servidor que se inicia en este "
    "equipo deja entrar sin preguntar a todo el que llegue a él",
    "Local Network": "Red local",
    "Show who hosts on the local network, and let others there find the server that Connect starts on this machine. They see the name "
    "of this machine, and your rooms only if you have let them in": "Muestra los anfitriones de la red local y permite que otros encuentren allí el servidor que "
    "se inicia en este equipo. Verán el nombre del equipo, y las salas solo si ya se les dejó entrar",
    "Map Port on the Router": "Abrir el puerto en el router",
    "Ask the router to pass on the port of the server that Connect starts on this machine, so that guests can come from the internet. It "
    "is given back when the server ends": "Pide al router que redirija el puerto del servidor que se inicia en este equipo, para que los "
    "invitados puedan llegar desde internet. Se cierra cuando el servidor termina",
    "Time per Tick": "Tiempo por ciclo",
    "Milliseconds of Blender's time that a session may take, about 100 times a second; it takes less when there is less to do": "Milisegundos "
    "del tiempo de Blender que puede ocupar una sesión, unas 100 veces por segundo; ocupa menos cuando hay menos que hacer",
    "Log File": "Archivo de registro",
    "Off": "Desactivado",
    "Write no log": "No escribir ningún registro",
    "Errors": "Errores",
    "Write down what went wrong": "Registrar lo que falló",
    "Everything": "Todo",
    "Write down every message, for finding an error. Grows quickly": "Registrar cada mensaje, para encontrar un error. Crece con rapidez",
    # properties of the session
    "Id": "Identificador",
    "Users": "Usuarios",
    "Size": "Tamaño",
    "Bytes, as text: a room may be larger than Blender's integers": "Bytes, como texto: una sala puede superar los enteros de Blender",
    "Blender": "Blender",
    "Joinable": "Se puede entrar",
    "Reason": "Motivo",
    "Why it cannot be joined": "Por qué no es posible entrar",
    "Color": "Color",
    "Is Me": "Soy yo",
    "An invite that somebody sent you, or the host's name or IP address, with or without a port. “localhost” is this machine: if no "
    "server runs here, one is started": "Una invitación recibida, o el nombre o la dirección IP del anfitrión, con o sin puerto. "
    "“localhost” es este equipo: si aquí no hay ningún servidor, se inicia uno",
    "The host's password, if it has one; not needed with an invite, nor by those who came before": "La contraseña del anfitrión, si la "
    "tiene; no es necesaria con una invitación, ni para quienes ya entraron antes",
    "The name of the room, if the password is that of one room; left empty, it is the host's": "El nombre de la sala, si la contraseña es "
    "la de una sala; si se deja vacío, es la del anfitrión",
    "Public Address": "Dirección pública",
    "What your router or tunnel gives this machine, with its port if that is another one than here (203.0.113.17:9090, "
    "tcp://0.tcp.example.org:12489). It goes into invites, behind those of VPNs and networks": "La que el router o el túnel da a este equipo, con su puerto si "
    "es distinto del local (203.0.113.17:9090, tcp://0.tcp.example.org:12489). Se incluye en las invitaciones, detrás de las de VPN y redes",
    "Invite": "Invitación",
    "The link that was made last": "El último enlace creado",
    "What others call you; counts from the next Connect": "El nombre que verán los demás; vale a partir de la próxima conexión",
    "Your color for others; counts from the next Connect. Who comes second with one color gets another": "El color que verán los demás; "
    "vale a partir de la próxima conexión. Quien llega después con el mismo color recibe otro",
    "State": "Estado",
    "Offline": "Sin conexión",
    "Connecting": "Conectando",
    "On the way to the host": "En camino hacia el anfitrión",
    "Confirming": "Confirmando",
    "The host's check code is to be compared": "Es necesario comparar el código de verificación del anfitrión",
    "Knocking": "Llamando",
    "The host was asked to let you in": "Se pidió permiso al anfitrión para entrar",
    "Lobby": "Vestíbulo",
    "Connected, in no room": "Conectado, en ninguna sala",
    "A room is being created or joined": "Se está creando una sala o entrando en ella",
    "Joined": "En sala",
    "In a room": "En una sala",
    "Reconnecting": "Reconectando",
    "The connection was lost and is being restored": "La conexión se perdió y se está restableciendo",
    "The room you are in": "La sala actual",
    "My Check Code": "Mi código de verificación",
    "The code that others compare with you": "El código que los demás comparan",
    "Pending": "Pendientes",
    "Your changes that the server has not confirmed yet": "Cambios propios que el servidor todavía no ha confirmado",
    "Latency": "Latencia",
    "Round trip to the server, in milliseconds": "Ida y vuelta al servidor, en milisegundos",
    "Error": "Error",
    "What went wrong last": "Lo último que falló",
    "What the last network check has found": "Lo que encontró la última comprobación de red",
    "Selected Room": "Sala seleccionada",
    "Name of the room to create": "Nombre de la sala que se va a crear",
    "{name}'s scene": "Escena de {name}",
    # session/sentences.py: reaching the host
    "“{address}” is not an address: type a name or an IP address, with or without a port. {text}": "“{address}” no es una dirección: "
    "escribir un nombre o una dirección IP, con o sin puerto. {text}",
    "“{address}” cannot be your public address. {text}": "“{address}” no puede ser la dirección pública. {text}",
    "The name server does not answer, so nobody knows where “{address}” is: check this machine's network, or type the IP address.": "El "
    "servidor de nombres no responde, así que no se sabe dónde está “{address}”: comprobar la red de este equipo, o escribir la "
    "dirección IP.",
    "No machine is known by the name in “{address}”: check the spelling, or type its IP address.": "No se conoce ningún equipo con el "
    "nombre en “{address}”: comprobar cómo está escrito, o escribir su dirección IP.",
    "A name in this invite, {address}, leads to this machine or into a private network, so it was not tried: ask for a new invite, or type "
    "that address if you know it to be right.": "Un nombre de esta invitación, {address}, lleva a este mismo equipo o a una red privada, "
    "así que no se probó: pedir una nueva invitación, o escribir esa dirección si se sabe que es la correcta.",
    "There is no way from this machine to {address}: are both on the same network or VPN, and does the host's firewall let Blender in?": "No hay "
    "camino desde este equipo hasta {address}: ¿se encuentran ambos en la misma red o VPN, y el cortafuegos del anfitrión deja entrar a Blender?",
    "Nobody listens at {address}: is the host connected, and is the port right?": "Nadie escucha en {address}: ¿está conectado el "
    "anfitrión, y es correcto el puerto?",
    "Nothing answers at {address}: is the address right, and does the host's firewall let Blender in?": "Nadie responde en {address}: "
    "¿es correcta la dirección, y el cortafuegos del anfitrión permite el acceso a Blender?",
    "The host of this invite answers at none of its addresses: is it connected, and are you in the same network or VPN?": "El "
    "anfitrión de esta invitación no responde en ninguna de sus direcciones: ¿está conectado, y ambos se encuentran en la misma red "
    "o VPN?",
    "Somebody else answers at {address}, an address of this invite: is the host connected? If it is, ask for a new invite.": "En "
    "{address}, una dirección de esta invitación, responde otro equipo: ¿está conectado el anfitrión? Si lo está, pedir una nueva "
    "invitación.",
    "Another host answers at {address}, not the one that was found there: look again under “On This Network”, or ask the host for an invite.": "En "
    "{address} responde otro anfitrión, no el que se encontró allí: volver a mirar en “En esta red”, o pedir una invitación al anfitrión.",
    "The connection to {address}, an address of this invite, was closed before the host had answered: is the host connected?": "La "
    "conexión con {address}, una dirección de esta invitación, se cerró antes de que el anfitrión respondiera: ¿está conectado?",
    "What answers at {address} now is not the host: is it away, or does this network want a login in the browser first?": "Lo que responde "
    "ahora en {address} no es el anfitrión: ¿no está, o pide esta red identificarse antes en el navegador?",
    "The tunnel at {address} answers, but nobody is behind it: is the host connected?": "El túnel de {address} responde, pero no hay nadie "
    "detrás: ¿está conectado el anfitrión?",
    "What answers at {address} wants https: type the address with https:// in front.": "Lo que responde en {address} quiere https: escribir la "
    "dirección con https:// delante.",
    "What answers at {address} is not Atrium: check the port, or log in to this network in a browser first.": "Lo que responde en "
    "{address} no es Atrium: comprobar el puerto, o iniciar antes sesión en esta red en un navegador.",
    "The encrypted connection to {address} failed: try again, and check that nothing stands in between.": "La conexión cifrada con "
    "{address} falló: intentar de nuevo, y comprobar que no haya nada en medio.",
    "Atrium here and at {address} do not fit together: install the same version. {text}": "Atrium aquí y en {address} no "
    "son compatibles: instalar la misma versión. {text}",
    "{address} now shows another key than the one you trusted. If its owner made a new one, forget the old key and compare check codes; "
    "if not, somebody may be pretending to be that host.": "{address} muestra ahora una clave distinta a aquella en la que se confió. "
    "Si su propietario creó una nueva, olvidar la anterior y comparar los códigos de verificación; si no, alguien podría estar "
    "haciéndose pasar por ese anfitrión.",
    "{address} was never trusted here: compare its check code with its owner, then trust it.": "Aquí nunca se confió en {address}: "
    "comparar su código de verificación con su propietario y luego confiar en él.",
    "This machine has no network interface of the name behind the % in {address}: check the spelling.": "Este equipo no tiene ninguna "
    "interfaz de red con el nombre que sigue al % en {address}: comprobar cómo está escrito.",
    "No machine is known by the name in {address}: a tunnel has another address after each start, so ask for a new one, or "
    "check the spelling.": "No se conoce ningún equipo con el nombre de {address}: un túnel tiene otra dirección cada vez que se inicia, así que pedir una "
    "nueva, o comprobar cómo está escrito.",
    "You were not let in at {address}. {text} Tell the host that you are there, and connect again.": "No se permitió la entrada en "
    "{address}. {text} Avisar al anfitrión de que hay alguien esperando, y conectar de nuevo.",
    "You were not let in at {address}. {text}": "No se permitió la entrada en {address}. {text}",
    "This invite does not work. {text}": "Esta invitación no funciona. {text}",
    "The host at {address} has removed you: ask its owner.": "El anfitrión en {address} ha expulsado a este usuario: consultar a su "
    "propietario.",
    "The host at {address} did not let you in: ask its owner.": "El anfitrión en {address} no permitió la entrada: consultar a su "
    "propietario.",
    "The server at {address} is full: try again when somebody has left.": "El servidor en {address} está lleno: intentar de nuevo "
    "cuando alguien haya salido.",
    "{address} took too long to answer: try again.": "{address} tardó demasiado en responder: intentar de nuevo.",
    "The connection to {address} was closed: is the host connected?": "Se cerró la conexión con {address}: "
    "¿está conectado el anfitrión?",
    "Blender is set to stay offline, so only this machine can be reached: allow online access in Preferences, System, Network.": "Blender "
    "está configurado para permanecer sin conexión, así que solo se puede alcanzar este equipo: permitir el acceso en línea en "
    "Preferencias, Sistema, Red.",
    "Another program uses the port of {address}: end it, or choose another port in Atrium's preferences.": "Otro programa usa el puerto "
    "de {address}: cerrarlo, o elegir otro puerto en las preferencias de Atrium.",
    "Another user of this machine hosts on port {port}: to host yourself, choose another port in Atrium's preferences; "
    "to join there, type localhost and click Connect.": "Otro usuario de este equipo es el anfitrión en el puerto {port}: para ser el anfitrión, elegir "
    "otro puerto en las preferencias de Atrium; para entrar allí, escribir localhost y pulsar Conectar.",
    "The server on this machine could not be started. {text}": "No fue posible iniciar el servidor en este equipo. {text}",
    # rooms
    "There is no room “{room}” any more: choose one from the list.": "La sala “{room}” ya no existe: elegir una de la lista.",
    "The room is not there any more: choose one from the list.": "La sala ya no está: elegir una de la lista.",
    "The room that the invite names is not there any more: choose one from the list, or ask for a new invite.": "La sala que nombra la "
    "invitación ya no existe: elegir una de la lista, o pedir una nueva invitación.",
    "The room “{room}” is full: try again when somebody has left.": "La sala “{room}” está llena: intentar de nuevo cuando alguien haya "
    "salido.",
    "“{room}” cannot be the name of a room: use 1 to 63 characters.": "“{room}” no puede ser el nombre de una sala: usar entre 1 y 63 "
    "caracteres.",
    "There is a room “{room}” already: join it, or choose another name.": "Ya existe una sala “{room}”: entrar en ella, o elegir otro "
    "nombre.",
    "The room “{room}” cannot be joined with this Blender. {text}": "No es posible entrar en la sala “{room}” con este Blender. {text}",
    "The room “{room}” is still being filled by the one who created it: wait a moment.": "Quien creó la sala “{room}” todavía la está "
    "llenando: esperar un momento.",
    "You may not do this here: ask the host.": "Esto no está permitido aquí: consultar al anfitrión.",
    "Your scene could not be saved, so the room was not joined and nothing was changed. {text}": "No fue posible guardar la escena, por "
    "lo que no se entró en la sala y nada cambió. {text}",
    "Your scene could not be brought back by itself, but nothing of it is lost: open this file. {text}": "No fue posible recuperar la "
    "escena automáticamente, pero no se perdió nada de ella: abrir este archivo. {text}",
    "The room's scene could not be built, so your own was brought back. {text}": "No fue posible construir la escena de la sala, por lo "
    "que se recuperó la anterior. {text}",
    "The room was created, but it does not hold all of your scene: “{name}” was not taken. The list in the panel says why.": "La sala se "
    "creó, pero no contiene toda la escena: “{name}” no se aceptó. La lista del panel dice por qué.",
    "The scene could not be read, so the room was not created. {text}": "No fue posible leer la escena, así que no se creó la sala. "
    "{text}",
    # asking for the impossible
    "Atrium is busy: {text} Wait for it, or cancel.": "Atrium está ocupado: {text} Esperar, o cancelar.",
    "Connect to a host first.": "Conectar antes con un anfitrión.",
    "You are connected already: disconnect first.": "Ya hay una conexión: desconectar antes.",
    "Join or create a room first.": "Entrar antes en una sala, o crearla.",
    "You are in the room “{room}”: leave it first.": "Ya se está en la sala “{room}”: salir antes de ella.",
    "Blender has not started this server: restart it where it was started.": "A este servidor no lo inició Blender: reiniciarlo donde se inició.",
    "Only the one who hosts can do this.": "Solo el anfitrión puede hacer esto.",
    "This person is not in the room any more.": "Esta persona ya no está en la sala.",
    "Whoever hosts cannot be removed: disconnect instead.": "No se puede expulsar al anfitrión: desconectar en su lugar.",
    "This person is not kept out any more.": "A esta persona ya no se le impide la entrada.",
    "Nobody with this key is asking to enter.": "Nadie con esta clave está pidiendo entrar.",
    "No host waits to be trusted: connect first.": "Ningún anfitrión espera que se confíe en él: conectar antes.",
    "This is not the check code that the host shows: ask its owner to read it out once more.": "Este no es el código de verificación "
    "que muestra el anfitrión: pedir a su propietario que lo lea de nuevo.",
    "No key is remembered for {address}, so there is nothing to forget.": "No se recuerda ninguna clave de {address}, así que no hay "
    "nada que olvidar.",
    "Type the host's address first.": "Escribir antes la dirección del anfitrión.",
    "This took longer than {seconds} seconds: {text}": "Esto tardó más de {seconds} segundos: {text}",
    "Atrium's engine could not be loaded: install the add-on again from its zip. {text}": "No fue posible cargar el motor de Atrium: "
    "instalar de nuevo el complemento desde su archivo zip. {text}",
    "Something went wrong inside Atrium: copy the details and report them.": "Algo falló dentro de Atrium: copiar los detalles e "
    "informar del error.",
    # what the room did not take
    "“{name}” was deleted by somebody else, and your last change to it with it.": "Otra persona borró “{name}”, y con ello se perdió el "
    "último cambio hecho.",
    "“{name}” is too large for the room, so your last change to it was not taken: split it into smaller ones.": "“{name}” es demasiado "
    "grande para la sala, así que el último cambio no se aceptó: dividirlo en otros más pequeños.",
    "“{name}” has data too large for the room, so your last change to it was not taken: split it into smaller ones.": "“{name}” tiene "
    "datos demasiado grandes para la sala, así que el último cambio no se aceptó: dividirlo en otros más pequeños.",
    "A limit of the room was reached, so your last change to “{name}” was not taken: delete what nobody needs.": "Se alcanzó un límite de "
    "la sala, así que el último cambio en “{name}” no se aceptó: borrar lo que nadie necesite.",
    "The arrays or files of “{name}” did not all reach the room, so your last change to it was not taken: make it once more.": "No todas las "
    "matrices o archivos de “{name}” llegaron a la sala, así que el último cambio no se aceptó: hacerlo otra vez.",
    "“{name}” is not in the room, so your last change to it was not taken.": "“{name}” no está en la sala, así que el último cambio no se "
    "aceptó.",
    "The server could not keep up, so your last change to “{name}” was not taken: make it once more.": "El servidor no dio abasto, así que "
    "el último cambio en “{name}” no se aceptó: hacerlo otra vez.",
    "Too much was on its way, so your last change to “{name}” was not taken: make it once more.": "Había demasiado en camino, así que el "
    "último cambio en “{name}” no se aceptó: hacerlo otra vez.",
    "Your last change to “{name}” was not taken by the room. {text}": "La sala no aceptó el último cambio en “{name}”. {text}",
    "One of your changes was not taken by the room. {text}": "La sala no aceptó uno de los cambios. {text}",
}
